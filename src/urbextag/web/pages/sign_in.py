"""Sign in: where the server listens for other machines, a browser shows its token once and keeps it as a cookie."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from urbextag.web.api.common import Body
from urbextag.web.guards import COOKIE, SIGN_IN, WRONG_TOKEN_SECONDS, is_token
from urbextag.web.render import page

router = APIRouter()


class Token(Body):
    """What was typed."""

    token: str


@router.get(SIGN_IN, response_model=None)
async def ask(request: Request, token: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """The form; with `?token=` in the address, as `serve` prints it, straight in."""
    if token is not None and await _fits(request, token):
        return _let_in(request, RedirectResponse("/", 303))
    return _form(request, wrong=token is not None)


@router.post(SIGN_IN)
async def sign_in(request: Request, given: Token) -> JSONResponse:
    """Take the token, and set the cookie."""
    if not await _fits(request, given.token):
        return JSONResponse(
            {"error": {"message": "that is not the token", "remedy": "urbextag serve printed it when it started"}}, 401
        )
    answer = JSONResponse({"message": "Welcome."})
    _let_in(request, answer)
    return answer


async def _fits(request: Request, token: str) -> bool:
    right = request.app.state.policy.token
    if right is None or is_token(right, token.strip()):
        return True
    await asyncio.sleep(WRONG_TOKEN_SECONDS)
    return False


def _let_in(request: Request, answer: Response) -> Response:
    token = request.app.state.policy.token
    if token:
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, token, max_age=30 * 24 * 3600, httponly=True, samesite="strict", secure=secure)
    return answer


def _form(request: Request, *, wrong: bool) -> HTMLResponse:
    return page(request, "sign_in.html", 401 if wrong else 200, wrong=wrong)
