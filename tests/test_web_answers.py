"""Answers to words are found afresh for their first page, and stay as they were while the others are turned."""

from urbextag.actions.searching import Found
from urbextag.web import answers
from urbextag.web.answers import Answers


def test_other_pages_are_of_the_answer_whose_first_page_was_shown(monkeypatch):
    kept, found = Answers(), [Found((), (), number) for number in range(9)]
    coming = iter(found)

    def ask(question: str, *, first_page: bool) -> Found:
        return kept.of(question, lambda: next(coming), first_page=first_page)

    assert ask("chair", first_page=True) is found[0]
    assert ask("chair", first_page=False) is found[0]
    assert ask("table", first_page=False) is found[1]  # its address was opened by itself
    assert ask("chair", first_page=True) is found[2]
    assert ask("chair", first_page=False) is found[2]
    monkeypatch.setattr(answers, "KEPT_SECONDS", 0)
    assert ask("chair", first_page=False) is found[3]
    monkeypatch.setattr(answers, "KEPT_SECONDS", 60)
    monkeypatch.setattr(answers, "KEPT", 1)
    assert ask("door", first_page=True) is found[4]
    assert ask("chair", first_page=False) is found[5]
