"""The checkpoints that their publishers give away: where, under which licence, and what they are by their digests.

It reads nothing and fetches nothing. A size or a digest that is None is not known here: whoever downloads such a file
first keeps the digest that was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from maskmill.core.engines import Engine

_META = "https://dl.fbaipublicfiles.com/segment_anything"
_HUB = "https://huggingface.co"
_MAIN = "main"  # the newest revision, where no other is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One checkpoint: `file` is its name as the project keeps it, `size_bytes` and `sha256` are those of the file.

    `page` says what it is, in its publisher's words.
    """

    engine: Engine
    file: str
    url: str
    page: str
    size_bytes: int | None
    sha256: str | None
    licence: str = "Apache-2.0"


def _meta(engine: Engine, file: str, size_bytes: int, sha256: str) -> Published:
    return Published(
        engine=engine,
        file=file,
        url=f"{_META}/{file}",
        page="https://github.com/facebookresearch/segment-anything",
        size_bytes=size_bytes,
        sha256=sha256,
    )


def _hub(engine: Engine, repository: str, revision: str, size_bytes: int | None, sha256: str | None) -> Published:
    """A file of a repository on Hugging Face; there, all are called `model.safetensors`."""
    return Published(
        engine=engine,
        file=f"{repository.partition('/')[2]}.safetensors",
        url=f"{_HUB}/{repository}/resolve/{revision}/model.safetensors",
        page=f"{_HUB}/{repository}",
        size_bytes=size_bytes,
        sha256=sha256,
    )


_ALL = (
    _meta(
        Engine.SAM_VIT_B,
        "sam_vit_b_01ec64.pth",
        375_042_383,
        "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
    ),
    _meta(
        Engine.SAM_VIT_L,
        "sam_vit_l_0b3195.pth",
        1_249_524_607,
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    ),
    _meta(
        Engine.SAM_VIT_H,
        "sam_vit_h_4b8939.pth",
        2_564_550_879,
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    ),
    _hub(Engine.SAM_HQ_VIT_B, "syscv-community/sam-hq-vit-base", _MAIN, None, None),
    _hub(Engine.SAM_HQ_VIT_L, "syscv-community/sam-hq-vit-large", _MAIN, None, None),
    _hub(
        Engine.SAM_HQ_VIT_H,
        "syscv-community/sam-hq-vit-huge",
        "9d9d53502fbf666297e7eb3804f64137f930055e",
        None,
        None,
    ),
    _hub(
        Engine.SAM2_TINY,
        "facebook/sam2.1-hiera-tiny",
        "de431c4043854a71d8101e17995dfe596bf101a5",
        155_908_064,
        "48c14467e5cf9e51870511feb72c89688e82dd74523142c0538b663e193ac2a7",
    ),
    _hub(
        Engine.SAM2_SMALL,
        "facebook/sam2.1-hiera-small",
        "ee5bba1d82bb8749febdf90f45e84b687142ba03",
        184_305_280,
        "0a4067b11ce1e23d5229203f11c718a823060d15a4b23fa2372a7d4b77cbbc60",
    ),
    _hub(
        Engine.SAM2_BASE_PLUS,
        "facebook/sam2.1-hiera-base-plus",
        "b7320756a13354e7530a63935656d35b2f91a290",
        323_476_296,
        "2012733a0de5d03efd1bba550a2847c4551be9ef2e0d497c83074df66189f780",
    ),
    _hub(
        Engine.SAM2_LARGE,
        "facebook/sam2.1-hiera-large",
        "665f8e2ad61cf5f53d65644ff27c8ee525124610",
        897_897_416,
        "dc407dce21301fd94abb395c5099b4f2c455fdc8a8f261ac3d0ea6d4cd197230",
    ),
)
PUBLISHED: Mapping[Engine, Published] = {published.engine: published for published in _ALL}
