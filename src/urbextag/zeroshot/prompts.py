"""The prompts as data: what the packaged file and a user's own hold, validated, and what they ask of each concept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from urbextag.config import complaints
from urbextag.errors import ConfigError
from urbextag.taxonomy.concept import FACETS, Facet
from urbextag.yaml_file import read_yaml
from urbextag.zeroshot.phrases import PLACEHOLDER, fill_all

if TYPE_CHECKING:
    from urbextag.taxonomy import Concept, Taxonomy

PACKAGED = Path(__file__).parent / "data" / "prompts.yaml"
REMEDY = "Mend that file; docs/models.md shows its form"
_SETTING = "`prompts` under [zero_shot]"

Value = TypeVar("Value")
Model = TypeVar("Model", bound=BaseModel)
View = Literal["interior", "exterior", "aerial", "detail", "document"]
LEAST_COMMON = 16
VIEWS: tuple[View, ...] = get_args(View)
Common = Literal["ordinary", "abandoned"]
COMMON: tuple[Common, ...] = get_args(Common)
GroundName = Common | Facet
GROUNDS: tuple[GroundName, ...] = (*COMMON, *FACETS)
"""Kinds of background: those of all concepts, and each facet's own."""


def _has_placeholder(template: str) -> str:
    if len(PLACEHOLDER.findall(template)) != 1:
        raise ValueError(f"{template!r} must hold one {{label}} or {{a label}}")
    return template


Prompt = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
PromptList = Annotated[tuple[Prompt, ...], Field(min_length=1)]
Template = Annotated[Prompt, AfterValidator(_has_placeholder)]
TemplateList = Annotated[tuple[Template, ...], Field(min_length=1)]
ConceptName = Annotated[str, StringConstraints(pattern=r"^[a-z]+(/[a-z0-9-]+)+$")]
"""Facet and name, or a whole id: `object/bar-stool`, `object/furniture/bar-stool`."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pair(_Data):
    """What is said of a photo that looks good, and of one that does not."""

    positive: PromptList
    negative: PromptList


class Calibration(_Data):
    """How cosines become scores; the packaged file tells where its numbers come from."""

    centre: float = Field(ge=-20, le=50, description="z at which the score is 0.5")
    slope: float = Field(gt=0, le=20, description="gain of the score's log-odds per unit of z")
    floor: float = Field(gt=0, lt=1, description="least score that is evidence")
    most: int = Field(ge=1, le=1000, description="most concepts of one photo")
    most_of: Mapping[Facet, Annotated[int, Field(ge=0, le=1000)]] = Field(description="most concepts of a facet")
    spread_floor: float = Field(gt=0, le=1, description="least spread of a background, in cosine")
    near: float = Field(gt=0, le=100, description="spreads from which a background prompt is too near to a concept")


class Prompts(_Data):
    """All prompts, templates, pairs and numbers."""

    views: Mapping[View, PromptList]
    templates: Mapping[Facet, TemplateList]
    uncountable: frozenset[str]
    names: Mapping[ConceptName, Prompt]
    concepts: Mapping[ConceptName, PromptList]
    leave_out: frozenset[ConceptName]
    background: Mapping[GroundName, tuple[Prompt, ...]]
    quality: Annotated[Mapping[Prompt, Pair], Field(min_length=1)]
    calibration: Calibration
    further: Mapping[ConceptName, PromptList] = Field(
        default_factory=dict, description="a user's prompts beside those above"
    )
    own: frozenset[str] = Field(default=frozenset(), description="concepts that a user's file names, as it names them")

    @field_validator("views")
    @classmethod
    def _all_views(cls, views: Mapping[View, tuple[str, ...]]) -> Mapping[View, tuple[str, ...]]:
        missing = [view for view in VIEWS if view not in views]
        if missing:
            raise ValueError(f"no prompts for {', '.join(missing)}")
        return views

    @field_validator("background")
    @classmethod
    def _enough(cls, background: Mapping[GroundName, tuple[str, ...]]) -> Mapping[GroundName, tuple[str, ...]]:
        for kind in COMMON:
            count = len(background.get(kind, ()))
            if count < LEAST_COMMON:
                raise ValueError(f"{kind} holds {count} prompts, at least {LEAST_COMMON} are needed for a median")
        return background

    @property
    def version(self) -> str:
        """16 hex digits that change with anything that the prompts hold."""
        text = json.dumps(self.model_dump(exclude={"own"}), sort_keys=True, default=sorted)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def of_concepts(self, taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
        """Concept id -> its prompts, in the order of the taxonomy; concepts that are not asked about are absent.

        Raises:
            ConfigError: a user's file names a concept that the taxonomy does not know.
        """
        for name in sorted(self.own):
            if not any(name in (concept.id, _name(concept)) for concept in taxonomy.concepts.values()):
                raise ConfigError(f"Your prompts name {name}, which is no concept of the taxonomy", REMEDY)
        found = {concept.id: self._of(concept) for concept in taxonomy.concepts.values()}
        return {concept_id: prompts for concept_id, prompts in found.items() if prompts}

    def of_background(self, ground: GroundName) -> tuple[tuple[str, ...], ...]:
        """The prompts of each member of a background: one sentence, or a word in all sentences of the facet."""
        members = self.background.get(ground, ())
        if ground == "ordinary" or ground == "abandoned":
            return tuple((sentence,) for sentence in members)
        templates = self.templates.get(ground, ())
        return tuple(fill_all(templates, words, self.uncountable) for words in members) if templates else ()

    def _of(self, concept: Concept) -> tuple[str, ...]:
        name = _name(concept)
        if name in self.leave_out and name not in self.further:
            return ()
        if name in self.concepts:
            asked = self.concepts[name]
        elif concept.category or concept.facet not in self.templates:
            asked = ()
        else:
            words = self.names.get(name, concept.label)
            asked = fill_all(self.templates[concept.facet], words, self.uncountable)
        return tuple(dict.fromkeys((*asked, *self.further.get(name, ()))))


class _Added(_Data):
    """What a user's file adds to the packaged prompts."""

    views: Mapping[View, PromptList] = Field(default_factory=dict)
    concepts: Mapping[ConceptName, PromptList] = Field(default_factory=dict)
    background: Mapping[GroundName, PromptList] = Field(default_factory=dict)
    quality: Mapping[Prompt, Pair] = Field(default_factory=dict)


class _Replaced(_Data):
    """What a user's file puts in place of the packaged prompts of the same name; `quality`: of all pairs."""

    views: Mapping[View, PromptList] = Field(default_factory=dict)
    templates: Mapping[Facet, TemplateList] = Field(default_factory=dict)
    names: Mapping[ConceptName, Prompt] = Field(default_factory=dict)
    concepts: Mapping[ConceptName, PromptList] = Field(default_factory=dict)
    background: Mapping[GroundName, PromptList] = Field(default_factory=dict)
    quality: Mapping[Prompt, Pair] = Field(default_factory=dict)


class UserPrompts(_Data):
    """A user's file."""

    add: _Added = _Added()
    replace: _Replaced = _Replaced()
    leave_out: frozenset[ConceptName] = frozenset()
    uncountable: frozenset[str] = frozenset()
    calibration: Mapping[str, Any] = Field(default_factory=dict, description="any of the fields of `Calibration`")


def load_prompts(user: Path | None = None) -> Prompts:
    """The packaged prompts, with a user's file worked in.

    Raises:
        ConfigError: a file cannot be read or is not as it must be; the message names the file and the key.
    """
    packaged = _validated(Prompts, read_yaml(PACKAGED, _SETTING, REMEDY), PACKAGED)
    if user is None:
        return packaged
    return _merged(packaged, _validated(UserPrompts, read_yaml(user, _SETTING, REMEDY), user), user)


def _merged(packaged: Prompts, mine: UserPrompts, path: Path) -> Prompts:
    twice = sorted(mine.add.quality.keys() & packaged.quality.keys())
    if twice and not mine.replace.quality:
        raise ConfigError(f"{path}: add.quality.{twice[0]} is there already", "Give that pair another name")
    replace, add = mine.replace, mine.add
    views = {**packaged.views, **replace.views}
    ground = {**packaged.background, **replace.background}
    replaced, added = _short(replace.concepts), _short(add.concepts)
    asked = replaced.keys() | added.keys() | _short(replace.names).keys()
    values = packaged.model_dump() | {
        "views": {view: views[view] + add.views.get(view, ()) for view in VIEWS},
        "templates": {**packaged.templates, **replace.templates},
        "uncountable": packaged.uncountable | mine.uncountable,
        "names": {**packaged.names, **_short(replace.names)},
        # A name of the user's is for the sentences of the facet, so the packaged whole prompts give way to it.
        "concepts": {k: v for k, v in packaged.concepts.items() if k not in _short(replace.names)} | replaced,
        "leave_out": (packaged.leave_out - asked) | {_shortened(name) for name in mine.leave_out},
        "background": {one: ground.get(one, ()) + add.background.get(one, ()) for one in GROUNDS if one in ground},
        "quality": dict(replace.quality or packaged.quality) | dict(add.quality),
        "calibration": packaged.calibration.model_dump() | dict(mine.calibration),
        "further": added,
        "own": {*replace.concepts, *add.concepts, *replace.names, *mine.leave_out},
    }
    return _validated(Prompts, values, path)


def _name(concept: Concept) -> str:
    return f"{concept.facet}/{concept.slug}"


def _shortened(name: str) -> str:
    """Facet and name of an id."""
    parts = name.split("/")
    return f"{parts[0]}/{parts[-1]}"


def _short(named: Mapping[str, Value]) -> dict[str, Value]:
    return {_shortened(name): value for name, value in named.items()}


def _validated(kind: type[Model], values: object, path: Path) -> Model:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{path}: {complaints(error)}", REMEDY) from error
