"""Photos from the web: fetched within limits and from public addresses only, proved to be photos, nothing left else."""

import subprocess
import time
from contextlib import closing

import pytest

from conftest import draw
from make_photos import make_jpeg
from urbextag.config import WebConfig
from urbextag.errors import PhotoError, UsageError
from urbextag.fetch.public_address import private_kind
from urbextag.fetch.web_fetch import checked, fetch
from urbextag.fetch.web_import import file_name, is_url
from urbextag.files import content_sha256
from urbextag.store import origins, photos
from web_server import WebServer, body, endless, slow_head, status, to

PUBLIC = ("93.184.215.14", "8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450::1",
          "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1")  # fmt: skip
PRIVATE = {
    "this machine": ("127.0.0.1", "127.255.0.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0",
                     "64:ff9b::7f00:1", "2002:7f00:1::1"),
    "a private network": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
                          "0.1.2.3", "192.0.2.1", "198.18.0.1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1",
                          "fec0::1", "2001:db8::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1",
                          "2002:a00:1::1", "2002:c0a8:101::1"),
    "a group of machines": ("224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1", "::ffff:224.0.0.1"),
    "reserved": ("240.0.0.1", "255.255.255.255", "64:ff9b:1::1", "4000::1", "::7f00:1"),
}  # fmt: skip
LOCAL = WebConfig(allow_private=True, seconds=10)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_asked(address):
    assert private_kind(address) is None


@pytest.mark.parametrize(("kind", "address"), [(kind, one) for kind, some in PRIVATE.items() for one in some])
def test_no_other_address_may(kind, address):
    assert private_kind(address) == kind or (private_kind(address) and address.startswith("::7"))


def test_what_is_an_address_and_what_can_be_fetched():
    assert is_url("https://a.example/x.jpg") and is_url("FTP://a/b") and not is_url("a/b.jpg") and not is_url("C:\\a")
    assert checked("HTTPS://A.Example/Ä b.jpg#top") == "https://a.example/%C3%84%20b.jpg"
    for bad in ("ftp://a/b.jpg", "file:///etc/passwd", "https://", "http://u:p@a.example/x", "http://u@a.example/x",
                "http://a.example:99999/x", "http://[::1/x", "javascript://a/%0aalert"):  # fmt: skip
        with pytest.raises(UsageError):
            checked(bad)


@pytest.mark.parametrize(
    ("url", "kind", "name"),
    [
        ("https://a/ward-3.JPG?w=1", "jpeg", "ward-3-0123456789ab.jpg"),
        ("https://a/The%20Ward%20(3).jpeg", "png", "The-Ward-3-0123456789ab.jpeg"),
        ("https://a/", "webp", "photo-0123456789ab.webp"),
        ("https://a/image.php?id=3", "jpeg", "image-php-0123456789ab.jpg"),
        ("https://a/..%2F..%2Fetc%2Fpasswd", "jpeg", "passwd-0123456789ab.jpg"),
        ("https://a/.hidden", "png", "hidden-0123456789ab.png"),
        ("https://a/%00%0a.jpg", "jpeg", "photo-0123456789ab.jpg"),
        ("https://a/" + "ä" * 300 + ".jpg", "jpeg", "ä" * 40 + "-0123456789ab.jpg"),
    ],
)
def test_file_names_are_words_of_the_address_and_nothing_else(url, kind, name):
    assert file_name(url, kind, "0123456789abcdef") == name


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = draw(tmp_path_factory.mktemp("web") / "sign.jpg", "NO TRESPASSING")
    return path.read_bytes()


def allow(box, more=""):
    box.settings(f"[web]\nallow_private = true\n{more}")


def left(box):
    folder = box.root / "web"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_photo_is_fetched_recorded_shown_and_tagged_like_any_other(box, photo):
    allow(box)
    with WebServer({"/go": to("/a b/ward%203.jpg?size=1", 301), "/a%20b/ward%203.jpg": body(photo)}) as server:
        url = f"{server.url}/go"
        ran = box.ok("add", f"{url}#part", "--location", "The Ward", "--json")
        assert ran.json["new"] == 1 and ran.json["failed"] == {}
        (path, headers), final = server.asked[1], f"{server.url}/a%20b/ward%203.jpg?size=1"
        assert path == "/a%20b/ward%203.jpg?size=1"
        assert headers["Host"] == f"127.0.0.1:{server.port}" and headers["User-Agent"].startswith("urbextag/")
        assert not {"Cookie", "Authorization", "Referer"} & headers.keys()
        (name,) = left(box)
        sha = content_sha256(box.root / "web" / name)
        assert name == f"go-{sha[:12]}.jpg" and (box.root / "web" / name).read_bytes() == photo
        assert box.ok("add", url, "--json").json["unchanged"] == 1
        assert len(server.asked) == 2  # not fetched again
        (box.root / "web" / name).unlink()
        assert box.ok("add", url, "--json").json["failed"] == {}
        assert len(server.asked) == 4 and left(box) == [name]
    report = box.ok("show", sha[:8], "--json").json
    assert [(one["url"], one["final_url"], one["media_type"]) for one in report["origins"]] == [
        (url, final, "image/jpeg")
    ]
    assert report["location"] == "The Ward"
    assert f"from       {url}" in box.ok("show", sha[:8]).out
    with closing(box.database()) as db:
        row = db.execute("SELECT imgloco, imgnamo, imgloc FROM imgs").fetchone()
    assert tuple(row) == (url, "go", f"web/{name}")
    box.ok("tag")
    assert "no trespassing sign" in {tag["label"] for tag in box.ok("show", sha[:8], "--json").json["tags"]}


def test_a_picture_that_is_here_is_not_kept_twice(box, photo, tmp_path):
    allow(box)
    (tmp_path / "mine.jpg").write_bytes(photo)
    box.ok("add", tmp_path / "mine.jpg")
    make_jpeg(tmp_path / "other.jpg")
    other = body((tmp_path / "other.jpg").read_bytes())
    with WebServer({"/a.jpg": body(photo), "/b.jpg": body(photo), "/c.jpg": other, "/d.jpg": other}) as server:
        ran = box.ok("add", f"{server.url}/a.jpg", f"{server.url}/b.jpg", "--json")
        assert (ran.json["new"], ran.json["unchanged"]) == (0, 1) and left(box) == []
        ran = box.ok("add", f"{server.url}/c.jpg", f"{server.url}/d.jpg", "--json")
        assert ran.json["new"] == 1 and len(left(box)) == 1
    for name, letters in (("mine.jpg", "ab"), ("c.jpg", "cd")):
        shown = box.ok("show", name, "--json").json["origins"]
        assert [one["url"][-6:] for one in shown] == [f"/{letter}.jpg" for letter in letters]


def test_whatever_goes_wrong_has_a_reason_and_leaves_nothing(box, photo):
    allow(box, "max_megabytes = 0.1\nmax_redirects = 3\nseconds = 2\n")
    stopped = lambda: server.stopped  # noqa: E731
    answers = {
        "/page.jpg": body(b"<!DOCTYPE html><title>x</title>" + b" " * 99, media_type="image/jpeg"),
        "/empty.jpg": body(b""),
        "/text": body(b"not a photo, " * 20),
        "/cut.jpg": body(photo[: len(photo) // 2]),
        "/short.jpg": body(photo, length=len(photo) + 100),
        "/big.jpg": body(b"\xff\xd8\xff" + bytes(200_000)),
        "/flood.jpg": endless(b"\xff\xd8\xff" + bytes(50_000), 0.01, stopped),
        "/drip.jpg": endless(b"\x00", 0.05, stopped, head=photo[:2000]),
        "/head.jpg": slow_head(0.05, stopped),
        "/gone.jpg": status(410),
        "/loop.jpg": to("/loop2.jpg"),
        "/loop2.jpg": to("/loop.jpg", 307),
        "/1": to("/2"),
        "/2": to("/3"),
        "/3": to("/4"),
        "/4": to("/5", 308),
        "/5": body(photo),
        "/ftp": to("ftp://127.0.0.1/x.jpg"),
        "/password": to("http://u:p@127.0.0.1/x.jpg"),
        "/nowhere": to("http://a:b/"),
    }
    wanted = {
        "/page.jpg": "is a web page, no photo", "/empty.jpg": "sent nothing", "/text": "no photo format known",
        "/cut.jpg": "", "/short.jpg": "broke off", "/big.jpg": "larger than 0.1 MB", "/flood.jpg": "larger than 0.1 MB",
        "/drip.jpg": "not here whole within 2 s", "/head.jpg": "not here whole within 2 s", "/gone.jpg": "410",
        "/loop.jpg": "circle", "/1": "more than 3 times", "/ftp": "cannot be fetched", "/password": "name or password",
        "/nowhere": "no web address", "/none": "404",
    }  # fmt: skip
    with WebServer(answers) as server:
        began = time.monotonic()
        ran = box.ok("add", *(f"{server.url}{path}" for path in wanted), "--json", code=5)
        assert time.monotonic() - began < 15
        sent = {path for path, _ in server.asked}
        assert "/2" in sent and "/5" not in sent
        assert box.ok("add", f"{server.url}/2", "--json").json["new"] == 1  # three redirects are allowed
    reasons = {url.removeprefix(server.url): reason for url, reason in ran.json["failed"].items()}
    assert reasons.keys() == wanted.keys()
    for path, words in wanted.items():
        assert words in reasons[path] and ";" in reasons[path], (path, reasons[path])
    assert len(left(box)) == 1
    with closing(box.database()) as db:
        assert db.execute("SELECT count(*) FROM imgs").fetchone()[0] == 1


def test_nothing_at_all_is_left_where_nothing_was_fetched(box):
    allow(box)
    with WebServer({}) as server:
        ran = box.ok("add", f"{server.url}/x.jpg", code=5)
    assert "404" in ran.out and not (box.root / "web").exists()
    assert box.ok("add", f"{server.url}/x.jpg", code=5).out.count("connection failed") == 1  # nobody listens


def test_this_machine_and_its_network_are_refused_unless_allowed(box, photo):
    with WebServer({"/x.jpg": body(photo)}) as server:
        for host in ("127.0.0.1", "localhost", "2130706433", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"):
            ran = box.ok("add", f"http://{host}:{server.port}/x.jpg", code=5)
            assert "allow_private" in ran.out, (host, ran.out)
        assert server.asked == []
    assert not (box.root / "web").exists()
    for bad in ("ftp://127.0.0.1/x.jpg", "http://u:p@127.0.0.1/x.jpg"):
        assert "urbextag:" in box.ok("add", bad, code=2).err


@pytest.mark.parametrize("answers", [["10.0.0.8"], ["93.184.215.14", "127.0.0.1"], ["::ffff:192.168.0.1"]])
def test_a_name_with_any_private_address_is_refused_and_never_connected_to(tmp_path, answers):
    with (tmp_path / "x").open("wb") as file, pytest.raises(PhotoError, match="no public address"):
        fetch("http://photos.example/x.jpg", file, WebConfig(seconds=5), lambda host, port: answers)


def test_each_hop_is_looked_up_once_and_asked_at_the_address_that_was_looked_at(tmp_path, photo):
    """The second answer of a rebinding name is never heard; the name goes along as Host."""
    looked_up = []

    def resolve(host, port):
        looked_up.append(host)
        return ["127.0.0.1"] if looked_up.count(host) == 1 else ["10.255.255.1"]

    answers = {"/a.jpg": to("http://two.example:{}/b.jpg"), "/b.jpg": body(photo)}
    with WebServer(answers) as server:
        answers["/a.jpg"] = to(f"http://two.example:{server.port}/b.jpg")
        with (tmp_path / "x").open("wb") as file:
            fetched = fetch(f"http://one.example:{server.port}/a.jpg", file, LOCAL, resolve)
        assert looked_up == ["one.example", "two.example"]
        assert [headers["Host"] for _, headers in server.asked] == [
            f"one.example:{server.port}",
            f"two.example:{server.port}",
        ]
    assert fetched.final_url == f"http://two.example:{server.port}/b.jpg"
    assert (tmp_path / "x").read_bytes() == photo


def test_a_redirect_into_the_private_network_is_refused(tmp_path, monkeypatch, photo):
    """A public page may not send us to a private one: the public one is played by the loopback."""
    monkeypatch.setattr(
        "urbextag.fetch.web_fetch.private_kind", lambda ip: None if ip == "127.0.0.1" else private_kind(ip)
    )
    with WebServer({}) as other:
        names = {"public.example": ["127.0.0.1"], "inside.example": ["127.0.0.2"]}
        for target in (f"http://inside.example:{other.port}/x.jpg", f"http://127.0.0.2:{other.port}/x.jpg"):
            with (
                WebServer({"/x.jpg": to(target)}) as server,
                (tmp_path / "x").open("wb") as file,
                pytest.raises(PhotoError, match="no public address but this machine"),
            ):
                fetch(f"http://public.example:{server.port}/x.jpg", file, WebConfig(seconds=5),
                      lambda host, port: names.get(host, [host]))  # fmt: skip
        assert other.asked == []


def test_the_next_address_of_a_host_is_tried_where_nobody_answers(tmp_path, photo):
    with WebServer({"/x.jpg": body(photo)}) as server, (tmp_path / "x").open("wb") as file:
        fetch(f"http://a.example:{server.port}/x.jpg", file, LOCAL, lambda host, port: ["127.0.0.9", "127.0.0.1"])
    assert (tmp_path / "x").read_bytes() == photo


def test_proxies_of_the_environment_are_not_used(tmp_path, monkeypatch, photo):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with WebServer({"/x.jpg": body(photo)}) as server, (tmp_path / "x").open("wb") as file:
        fetch(f"{server.url}/x.jpg", file, LOCAL)
    assert (tmp_path / "x").read_bytes() == photo


def test_a_certificate_must_be_of_the_name_that_was_asked_for(tmp_path, monkeypatch, photo):
    pem = tmp_path / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=photos.example", "-addext", "subjectAltName=DNS:photos.example", "-keyout", tmp_path / "key.pem",
         "-out", tmp_path / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    pem.write_bytes((tmp_path / "key.pem").read_bytes() + (tmp_path / "cert.pem").read_bytes())
    with WebServer({"/x.jpg": body(photo)}, pem) as server:

        def get(host):
            with (tmp_path / "x").open("wb") as file:
                fetch(f"https://{host}:{server.port}/x.jpg", file, LOCAL, lambda host, port: ["127.0.0.1"])

        with pytest.raises(PhotoError, match="certificate"):
            get("photos.example")  # signed by nobody we trust
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        get("photos.example")
        assert (tmp_path / "x").read_bytes() == photo
        with pytest.raises(PhotoError, match="certificate"):
            get("other.example")


def test_a_raw_file_with_a_strange_type_is_a_photo_all_the_same(box, tmp_path):
    allow(box)
    make_jpeg(tmp_path / "a.jpg")
    with WebServer({"/x": body((tmp_path / "a.jpg").read_bytes(), media_type="text/plain", length=False)}) as server:
        assert box.ok("add", f"{server.url}/x", "--json").json["new"] == 1
    assert left(box)[0].endswith(".jpg")


def test_the_last_photo_of_an_address_is_the_one_that_is_known(box):
    with closing(box.database()) as db:
        origins.save(db, "a" * 64, origins.Origin("http://x/", "http://y/", None))
        db.execute("UPDATE ut_origins SET at = '2020'")
        origins.save(db, "b" * 64, origins.Origin("http://x/", "http://y/", "image/png"))
        assert origins.fetched(db, "http://x/")[0] == "b" * 64
        assert origins.fetched(db, "http://z/") is None
        assert photos.at_path(db, "nowhere") is None
