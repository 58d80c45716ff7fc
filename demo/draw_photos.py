"""Draws the demo photos that nobody has to photograph: signs, documents and broken files, the same on every run."""

from __future__ import annotations

import io
import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

PHOTOS = Path(__file__).parent / "photos"
SIGN_LINES = ("RIVERSIDE HOSPITAL", "EMERGENCY ENTRANCE")
WARNING_LINES = ("NO TRESPASSING", "DANGER", "KEEP OUT")
HEADLINE = "MILL CLOSES AFTER NINETY YEARS"
STORY = (
    "the mill was built in stone and brick beside the river and gave work to four hundred people of the town "
    "its owners said on monday that the looms will stop in june and that the hall will be sold with all machines"
)
ROOMS = ("BOILER ROOM", "MACHINE SHOP", "OFFICE", "STORAGE", "LOADING DOCK")
Colour = tuple[int, int, int]


def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that Pillow itself carries (Aileron), at `size` pixels; OSError where Pillow lacks FreeType."""
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise OSError("this Pillow has no FreeType, so it cannot draw text of a chosen size")
    return loaded


def bricks(size: tuple[int, int], seed: int, base: Colour = (142, 74, 58)) -> Image.Image:
    """A brick wall in running bond, each brick of its own shade; deterministic per `seed`."""
    rng = random.Random(seed)
    wall = Image.new("RGB", size, (176, 168, 156))
    draw = ImageDraw.Draw(wall)
    for row, top in enumerate(range(0, size[1], 26)):
        for left in range(-62 if row % 2 else 0, size[0], 62):
            shade = rng.uniform(0.72, 1.18)
            draw.rectangle((left, top, left + 58, top + 22), fill=scaled(base, shade))
    return wall


def scaled(colour: Colour, factor: float) -> Colour:
    """`colour` times `factor`, clipped to bytes."""
    red, green, blue = (min(255, int(part * factor)) for part in colour)
    return red, green, blue


def grain(picture: Image.Image, seed: int, strength: int = 14) -> Image.Image:
    """Camera noise of at most `strength` levels per pixel and a slight blur; deterministic per `seed`."""
    rng = random.Random(seed)
    noise = Image.frombytes("L", picture.size, rng.randbytes(picture.width * picture.height))
    soft = picture.filter(ImageFilter.GaussianBlur(0.6)).convert("RGB")
    dark = noise.point([value * strength // 255 for value in range(256)])
    black = Image.new("RGB", picture.size)
    return Image.composite(black, soft, dark)


def board(size: tuple[int, int], lines: tuple[str, ...], ink: Colour, ground: Colour, text_px: int) -> Image.Image:
    """A sign board with centred lines and a rim."""
    panel = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(panel)
    draw.rectangle((8, 8, size[0] - 9, size[1] - 9), outline=ink, width=5)
    step = (size[1] - 40) / len(lines)
    for index, line in enumerate(lines):
        draw.text((size[0] / 2, 20 + step * (index + 0.5)), line, font=font(text_px), fill=ink, anchor="mm")
    return panel


def hospital_sign() -> Image.Image:
    """An entrance sign above a boarded door in a brick front, under a strip of sky."""
    picture = bricks((1200, 900), seed=1)
    draw = ImageDraw.Draw(picture)
    for row in range(150):
        draw.line((0, row, 1200, row), fill=(150 + row // 4, 178 + row // 5, 214 + row // 8))
    draw.rectangle((430, 470, 770, 900), fill=(96, 82, 66))
    for plank in range(470, 900, 62):
        draw.rectangle((418, plank, 782, plank + 48), fill=(136, 112, 82), outline=(88, 70, 50), width=3)
    panel = board((800, 220), SIGN_LINES, (245, 245, 240), (26, 62, 110), 62)
    picture.paste(panel.rotate(1.5, resample=Image.Resampling.BICUBIC, fillcolor=(26, 62, 110)), (200, 200))
    return grain(picture, seed=2)


def trespass_sign() -> Image.Image:
    """A warning sign wired to a chain-link fence before weeds."""
    rng = random.Random(3)
    picture = Image.new("RGB", (960, 720), (118, 132, 96))
    draw = ImageDraw.Draw(picture)
    for _ in range(2600):
        left, top = rng.randrange(960), rng.randrange(120, 720)
        blade = scaled((96, 124, 62), rng.uniform(0.5, 1.4))
        draw.line((left, top, left + rng.randrange(-14, 14), top - rng.randrange(18, 70)), fill=blade, width=2)
    for offset in range(-720, 960, 34):
        draw.line((offset, 0, offset + 720, 720), fill=(168, 172, 172), width=2)
        draw.line((offset + 720, 0, offset, 720), fill=(150, 154, 154), width=2)
    panel = board((520, 330), WARNING_LINES, (176, 26, 28), (244, 240, 226), 56)
    picture.paste(panel, (220, 170))
    return grain(picture, seed=4)


def newspaper() -> Image.Image:
    """A scanned newspaper page: masthead, headline, three columns of readable lines, one grey picture."""
    page = Image.new("RGB", (1000, 1300), (238, 232, 214))
    draw = ImageDraw.Draw(page)
    ink = (42, 40, 38)
    draw.text((500, 60), "THE VALLEY COURIER", font=font(72), fill=ink, anchor="mm")
    draw.text((500, 122), "Tuesday, March 14, 1961", font=font(26), fill=ink, anchor="mm")
    draw.line((40, 150, 960, 150), fill=ink, width=4)
    draw.text((500, 204), HEADLINE, font=font(50), fill=ink, anchor="mm")
    draw.rectangle((370, 270, 630, 450), fill=(150, 146, 136), outline=ink, width=2)
    words = STORY.split()
    rng = random.Random(5)
    for column, left in enumerate((50, 370, 690)):
        top = 480 if column == 1 else 280
        while top < 1240:
            line = words[rng.randrange(len(words))].capitalize()
            while draw.textlength(f"{line} ", font=font(21)) < 225:
                line = f"{line} {words[rng.randrange(len(words))]}"
            draw.text((left, top), line, font=font(21), fill=ink)
            top += 32
    return grain(page, seed=6, strength=8)


def floor_plan() -> Image.Image:
    """A floor plan in ink on paper: walls, doors, room names, a scale."""
    plan = Image.new("RGB", (1200, 850), (250, 249, 244))
    draw = ImageDraw.Draw(plan)
    ink = (30, 34, 44)
    rooms = (
        (60, 110, 500, 420),
        (500, 110, 1140, 560),
        (60, 420, 300, 740),
        (300, 420, 500, 740),
        (500, 560, 1140, 740),
    )
    for name, box in zip(ROOMS, rooms, strict=True):
        draw.rectangle(box, outline=ink, width=7)
        centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        draw.text(centre, name, font=font(30), fill=ink, anchor="mm")
    for left, top in ((240, 416), (640, 556), (380, 416), (980, 736)):
        draw.rectangle((left, top, left + 70, top + 10), fill=(250, 249, 244))
        draw.arc((left - 70, top - 66, left + 70, top + 74), 270, 360, fill=ink, width=2)
    draw.text((600, 56), "RIVERSIDE MILL - FIRST FLOOR PLAN", font=font(40), fill=ink, anchor="mm")
    draw.line((60, 800, 360, 800), fill=ink, width=4)
    draw.text((380, 800), "SCALE 1:200", font=font(26), fill=ink, anchor="lm")
    return plan


def exif_of_sign() -> Image.Exif:
    """Date, camera and a position in a river (no one's house), as EXIF."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Demo Camera Works", "Drawn One"
    exif.get_ifd(0x8769)[0x9003] = "2021:10:09 14:32:05"
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (42.0, 52.0, 48.0)
    place[3], place[4] = "W", (78.0, 54.0, 36.0)
    place[5], place[6] = b"\x00", 176.0
    return exif


def with_keywords(jpeg: bytes, keywords: tuple[str, ...]) -> bytes:
    """`jpeg` with an APP13 segment that holds IPTC keywords (IIM 4.2, dataset 2:25), put after the EXIF segment."""
    records = b"\x1c\x01\x5a\x00\x03\x1b%G"  # 1:90: the text below is UTF-8
    for keyword in keywords:
        text = keyword.encode()
        records += struct.pack(">BBBH", 0x1C, 2, 25, len(text)) + text
    padded = records + b"\x00" * (len(records) % 2)
    body = b"Photoshop 3.0\x008BIM" + struct.pack(">HHI", 0x0404, 0, len(records)) + padded
    after_exif = 4 + struct.unpack(">H", jpeg[4:6])[0]
    return jpeg[:after_exif] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + jpeg[after_exif:]


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    """`picture` as file bytes of Pillow format `kind`."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def sign_file() -> bytes:
    """The hospital sign as JPEG with EXIF and IPTC keywords."""
    jpeg = encoded(hospital_sign(), "JPEG", quality=88, exif=exif_of_sign())
    return with_keywords(jpeg, ("entrance", "boarded door", "sign"))


def truncated_file() -> bytes:
    """A good JPEG that ends after a third of its bytes."""
    whole = encoded(hospital_sign(), "JPEG", quality=80)
    return whole[: len(whole) // 3]


FILES: dict[str, Callable[[], bytes]] = {
    "hospital-entrance.jpg": sign_file,
    "fence-sign.jpg": lambda: encoded(trespass_sign(), "JPEG", quality=88),
    "clipping.png": lambda: encoded(newspaper().quantize(64), "PNG", optimize=True),
    "mill-plan.png": lambda: encoded(floor_plan().quantize(32), "PNG", optimize=True),
    "broken-truncated.jpg": truncated_file,
    "broken-empty.png": lambda: b"",
    "broken-not-a-photo.jpg": lambda: b"This is a text file whose name ends in .jpg.\n",
}


def main(folder: Path = PHOTOS) -> None:
    """Write every drawn file into `folder`, over what is there under the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        (folder / name).write_bytes(make())
        print(f"drew {folder / name}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
