"""Put the pictures that the browser tests took of every screen into docs/page, small enough to be kept.

python -m tests.e2e.screens
"""

from __future__ import annotations

from PIL import Image

from local.emulator.environment import REPOSITORY
from tests.e2e.reader import SCREENS

SHELF = REPOSITORY / "docs" / "page"
QUALITY = 78


def main() -> None:
    SHELF.mkdir(parents=True, exist_ok=True)
    for old in SHELF.glob("*.webp"):
        old.unlink()
    taken = sorted(SCREENS.glob("*-*-*.png"))
    if not taken:
        raise SystemExit(f"There is no picture in {SCREENS}: the browser tests take them.")
    for picture in taken:
        with Image.open(picture) as screen:
            screen.convert("RGB").save(SHELF / f"{picture.stem}.webp", quality=QUALITY, method=6)
    print(f"{len(taken)} screens in {SHELF.relative_to(REPOSITORY)}")


if __name__ == "__main__":
    main()
