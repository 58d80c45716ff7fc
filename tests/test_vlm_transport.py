"""One exchange with a VLM server: the clock, stopping, servers that are not there, the key, what a server says."""

import signal
import socket
import threading
import time
from contextlib import ExitStack, closing

import pytest

from fake_ollama import Answer, FakeOllama
from urbextag.vlm.records import Abandoned, EndpointError, ServerFault
from urbextag.vlm.said import LONGEST_REST, reason, retry_after
from urbextag.vlm.transport import Http
from vlm_asking import GOOD, ask, ask_for, client, soon


@pytest.fixture
def fake():
    with FakeOllama() as server:
        yield server


# Time


def test_a_slow_first_token_is_waited_for(fake):
    assert ask(fake, Answer(content=GOOD, delay=0.6)).seconds >= 0.6


SLOW = {
    "no first byte": Answer(content=GOOD, delay=30.0),
    "stalled body": Answer(content=GOOD, then="stall", after=50),
    "dribbling body": Answer(content=GOOD * 20, then="dribble"),
}


@pytest.mark.parametrize("case", SLOW)
def test_the_whole_exchange_has_one_clock(fake, case):
    begun = time.monotonic()
    with pytest.raises(ServerFault, match="no whole answer within 1 s"):
        ask(fake, SLOW[case], seconds=1.0)
    assert time.monotonic() - begun < 3.0
    assert soon(lambda: fake.abandoned == 1 and fake.in_flight == 0)


@pytest.mark.parametrize("case", SLOW)
def test_stop_while_waiting_closes_the_connection(fake, case):
    asked = threading.Event()
    threading.Timer(0.3, asked.set).start()
    begun = time.monotonic()
    with pytest.raises(Abandoned):
        ask(fake, SLOW[case], stop=asked.is_set)
    assert time.monotonic() - begun < 2.0
    assert soon(lambda: fake.abandoned == 1 and fake.in_flight == 0)


def test_stop_before_the_start_sends_nothing(fake):
    with pytest.raises(Abandoned):
        ask(fake, stop=lambda: True)
    assert fake.chats == []


def test_a_server_that_never_reads_is_given_up():
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        http = Http(f"http://127.0.0.1:{mute.getsockname()[1]}", None, answer_seconds=0.5)
        with pytest.raises(ServerFault, match="no whole answer within 0.5 s"):
            http.post("/api/chat", {"images": "x" * (16 << 20)})


# Servers that are not there


def test_a_missing_server_is_said_to_be_missing_and_found_when_it_comes():
    with FakeOllama(up=False) as fake:
        asker = client(fake)
        with pytest.raises(ServerFault, match="cannot be reached"):
            asker.probe()
        fake.up()
        assert asker.probe().version == "0.33.1"


def test_a_server_that_dies_while_it_answers_and_returns_on_the_same_port(fake):
    asker = client(fake)
    asker.probe()
    fake.answers.append(Answer(content=GOOD, delay=30.0))
    threading.Timer(0.3, fake.down).start()
    with pytest.raises(ServerFault, match="ended its answer too early|broke off"):
        asker.ask(ask_for(), lambda: False)
    with pytest.raises(ServerFault, match="cannot be reached"):
        asker.ask(ask_for(), lambda: False)
    fake.up()
    assert asker.ask(ask_for(), lambda: False).finish == "stop"


def test_a_name_service_that_does_not_answer_holds_nothing_up(monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer.wait(20) and [])
    stopped = threading.Event()
    threading.Timer(0.2, stopped.set).start()
    begun = time.monotonic()
    with pytest.raises(Abandoned):
        Http("http://gpu.invalid", None).post("/api/chat", {}, stopped.is_set)
    with pytest.raises(ServerFault, match="no connection within 0.2 s"):
        Http("http://gpu.invalid", None, connect_seconds=0.2).get("/api/version")
    assert time.monotonic() - begun < 3.0
    answer.set()


def test_ctrl_c_closes_the_connection(fake):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.4, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
            ask(fake, Answer(delay=30.0))
    finally:
        signal.signal(signal.SIGINT, before)
    assert soon(lambda: fake.abandoned == 1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://127.0.0.1:x", "http://[::1", "ftp://127.0.0.1"])
def test_an_address_that_is_none_is_refused_at_once(url):
    with pytest.raises(EndpointError, match="is no web address"):
        Http(url, None).get("/api/version")


def test_a_server_whose_door_is_full_is_not_waited_for_long():
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as full, ExitStack() as callers:
        for _ in range(4):  # the queue of a listener that accepts nobody
            caller = callers.enter_context(closing(socket.socket()))
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        http = Http(f"http://127.0.0.1:{full.getsockname()[1]}", None, connect_seconds=0.3)
        with pytest.raises(ServerFault, match="no connection within 0.3 s"):
            http.get("/api/version")


def test_https_to_a_plain_server_names_the_mistake(fake):
    with pytest.raises(EndpointError, match="speaks no TLS") as caught:
        Http(fake.url.replace("http:", "https:"), None).get("/api/version")
    assert "http://" in caught.value.remedy


# The key


def test_the_key_is_sent_and_never_said(fake, monkeypatch):
    monkeypatch.setenv("URBEX_TEST_KEY", " sk-secret-7 ")
    with pytest.raises(EndpointError) as caught:
        ask(fake, Answer(status=401, error="wrong key sk-secret-7"), key_env="URBEX_TEST_KEY")
    assert {seen.headers["Authorization"] for seen in fake.requests} == {"Bearer sk-secret-7"}
    assert "secret" not in str(caught.value) and "URBEX_TEST_KEY" in caught.value.remedy
    assert "secret" not in repr(caught.value.__cause__.raw)


@pytest.mark.parametrize(("value", "words"), [(None, "is not set"), ("  ", "is not set"), ("a\nb", "no key")])
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(fake, monkeypatch, value, words):
    monkeypatch.delenv("URBEX_TEST_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("URBEX_TEST_KEY", value)
    with pytest.raises(EndpointError, match=words):
        client(fake, key_env="URBEX_TEST_KEY")
    assert fake.requests == []


def test_without_a_key_none_is_sent(fake):
    ask(fake)
    assert all("Authorization" not in seen.headers for seen in fake.requests)


def test_a_strangers_words_cannot_reach_the_terminal_raw(fake):
    with pytest.raises(ServerFault) as caught:
        ask(fake, Answer(status=500, error="\x1b[31mred\x07\r\nline two " + "x" * 5000))
    assert caught.value.message.isprintable() and len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("999999999", LONGEST_REST), ("soon", None), ("-5", None), ("1e9", None), ("٣", None)],
)
def test_retry_after_is_honoured(fake, header, seconds):
    with pytest.raises(ServerFault) as caught:
        if header.isascii():
            ask(fake, Answer(status=503, headers={"Retry-After": header}))
        else:
            raise ServerFault("", retry_after(header, 0.0))
    assert caught.value.retry_after == seconds


def test_retry_after_as_a_date():
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 1445412450.0) == 30.0
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 1500000000.0) == 0.0
    assert retry_after("Wed, 99 Oct 2015", 0.0) is None


@pytest.mark.parametrize("text", ["", "\n\n", "{" * 50, "data:", "<html", "\x00", '{"error": {}}', '{"error": [1]}'])
def test_any_body_has_a_reason_in_words(text):
    assert isinstance(reason(text), str)
