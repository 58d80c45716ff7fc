"""The packaged words: how many concepts, one owner for each word, what everyday captions name and what they do not."""

from __future__ import annotations

from collections import Counter

import pytest

from urbextag.taxonomy import Taxonomy, load_taxonomy
from urbextag.taxonomy.words import fold_phrase


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


def named(taxonomy: Taxonomy, text: str) -> set[str]:
    return {f"{one.concept.facet}/{one.concept.slug}" for one in taxonomy.match(text).found}


def test_there_are_at_least_800_concepts(taxonomy: Taxonomy) -> None:
    assert len(taxonomy.concepts) >= 800
    least = {"place": 150, "room": 80, "element": 80, "object": 250, "condition": 50, "nature": 50, "sign": 30}
    count = Counter[str](concept.facet for concept in taxonomy.concepts.values())
    assert {facet: count[facet] for facet in least if count[facet] < least[facet]} == {}


def test_no_word_belongs_to_two_concepts(taxonomy: Taxonomy) -> None:
    owner: dict[tuple[str, ...], str] = {}
    for concept in taxonomy.concepts.values():
        for words in (concept.label, *concept.synonyms):
            assert owner.setdefault(fold_phrase(words), concept.id) == concept.id, words


def test_names_are_what_a_keyword_list_takes(taxonomy: Taxonomy) -> None:
    """No separators of keyword hierarchies in a name, no two concepts with one label, a second name for nearly all."""
    labels = [concept.label for concept in taxonomy.concepts.values()]
    assert len(labels) == len(set(labels))
    assert [name for name in labels if set(name) & set(",|/;")] == []
    bare = [concept.id for concept in taxonomy.concepts.values() if not concept.synonyms]
    assert len(bare) <= 0.02 * len(labels), bare


CAPTIONS = [
    # Medical
    ("An empty hospital ward with a rusty gurney and an IV stand next to the window.",
     "room/ward object/gurney object/iv-stand condition/rust element/window", "room/cell nature/person"),
    ("A dirty operating room with a surgical light above an operating table.",
     "room/operating-theater object/surgical-light object/operating-table", "object/table object/light-fixture"),
    ("The seclusion room has a steel door with a peephole and a food slot.",
     "room/isolation-room element/steel-door element/observation-window element/food-slot", "object/slot-machine"),
    ("Morgue drawers stand open in the autopsy room, with a porcelain slab in the middle.",
     "object/morgue-drawer room/autopsy-room object/autopsy-table", "object/dresser"),
    ("A hydrotherapy tub in a tiled treatment room.", "object/hydrotherapy-tub", "object/bathtub place/pool"),
    ("Shelves full of medicine bottles and glass vials in an old pharmacy.",
     "object/medicine object/glass-vial place/pharmacy object/shelf", "object/bottle"),
    ("A wheelchair stands in the hallway of the asylum under peeling paint.",
     "object/wheelchair room/hallway place/asylum condition/peeling-paint", "object/chair material/paint"),
    # Industry
    ("A large overhead crane hangs above the factory floor of a foundry.",
     "object/overhead-crane room/factory-floor place/foundry", "object/crane element/floor"),
    ("Rows of looms covered in dust in a weaving shed.",
     "object/loom condition/dusty room/weave-room", "element/outbuilding"),
    ("Tall trees loom over the ruined house.",
     "nature/tree condition/ruin place/house", "object/loom place/textile-mill"),
    ("Two turbines in the turbine hall of a power plant, with gauges and a control panel.",
     "object/turbine room/turbine-hall place/power-plant object/gauge object/control-panel",
     "nature/vegetation room/hall"),
    ("Rusty bolts and screws lie on the workbench beside a lathe.",
     "object/fastener object/workbench object/lathe", "object/padlock object/bench"),
    ("A hook hangs from the ceiling on a chain.", "object/hook object/chain", "object/meat-hook"),
    ("A blast furnace behind rusty drums and a pile of scrap metal.",
     "object/blast-furnace object/metal-drum object/scrap-metal", "object/drum-kit condition/trash"),
    ("A table saw and a power drill in a dusty woodshop.",
     "object/table-saw object/power-tool room/workshop", "object/table"),
    ("Broken stair spindles lie on the floor.", "element/railing", "object/bobbin place/textile-mill"),
    ("The boiler room is full of pipes, valves and a large rusty boiler.",
     "room/boiler-room object/pipe object/valve object/boiler", "object/small-appliance"),
    ("The entrance of a mine with a mine cart on the tracks.",
     "place/mine object/mine-cart element/railroad-track", "object/hand-cart"),
    ("A headframe towers above the adit.", "object/headframe room/mine-tunnel", "object/picture-frame"),
    # Theatre, school, prison
    ("A stage with a torn curtain, seen from the balcony of a movie theater.",
     "room/stage object/curtain place/theater", "object/television"),
    ("The building is in the final stages of decay.", "condition/decay element/building", "room/stage"),
    ("Rows of red theater seats face the proscenium arch.",
     "object/theater-seat element/proscenium", "element/arch object/seat"),
    ("A classroom with school desks, a chalkboard and a globe.",
     "room/classroom object/school-desk object/blackboard object/globe", "object/desk"),
    ("An alphabet chart hangs above the cubbies in a kindergarten.",
     "sign/classroom-poster object/cubby place/kindergarten", "sign/diagram"),
    ("A basketball hoop in an abandoned gymnasium with wooden bleachers.",
     "object/basketball-hoop place/gymnasium object/bleachers", "object/sports-equipment"),
    ("A prison cell with a steel bunk and a steel toilet.",
     "room/cell object/prison-bunk object/prison-toilet", "object/toilet nature/rock"),
    ("A window with metal bars in a brick wall.", "element/barred-window element/brick-wall", "place/bar"),
    ("A solar cell lies on the roof.", "element/roof", "room/cell"),
    # Military and rail
    ("A concrete bunker with a gun slit in a grassy hill.",
     "place/bunker element/gun-slit material/concrete nature/hill", "object/slot-machine"),
    ("The base of the tower is made of stone.", "element/tower material/stone", "place/base"),
    ("A column on a concrete base.", "element/column element/foundation", "place/base"),
    ("Gas masks lie on the floor of a fallout shelter near an air filter.",
     "object/gas-mask place/fallout-shelter object/air-filter", "object/mask"),
    ("An old steam locomotive on a railway turntable in a roundhouse.",
     "vehicle/steam-locomotive element/railway-turntable place/roundhouse", "object/record-player"),
    ("A rusted station wagon in the woods.",
     "vehicle/station-wagon nature/forest", "place/train-station vehicle/wagon"),
    ("Tire tracks in the mud.", "material/soil", "element/railroad-track"),
    ("Railroad ties and a buffer stop at the end of the line.",
     "element/railroad-tie element/buffer-stop", "place/bus-station"),
    # Faith
    ("An old church with wooden pews, an altar and a stained glass window.",
     "place/church object/pew object/altar element/stained-glass", "object/bench material/glass"),
    ("A communion rail and a confessional below the organ loft.",
     "element/communion-rail object/confessional room/choir-loft", "element/railing room/attic"),
    ("A headless angel on a gravestone in a cemetery.",
     "object/headless-statue object/gravestone place/cemetery", "object/skeleton"),
    ("A cross section of the plan shows the vault.", "room/vault", "object/crucifix"),
    # Farm and countryside
    ("A hayloft above the horse stalls of an old barn.", "room/hayloft object/horse-stall place/barn", "room/attic"),
    ("A grain silo beside a barn with a rusty tractor and a plow.",
     "place/silo place/barn vehicle/tractor object/farm-implement", "place/missile-silo"),
    ("Different colors combine in the field.", "nature/field", "vehicle/combine-harvester"),
    ("A wind mill on a grassy field under an overcast sky.", "place/windmill nature/field nature/sky", "place/mill"),
    # Leisure
    ("An empty swimming pool with a diving board and graffiti on its walls.",
     "element/empty-pool object/diving-board sign/graffiti", "object/tank"),
    ("A pool of light falls on the floor of the room.", "element/floor room/room", "place/pool"),
    ("A Ferris wheel and bumper cars in an overgrown amusement park.",
     "object/ferris-wheel object/dodgem place/amusement-park nature/overgrowth", "object/wheel vehicle/car"),
    ("A bowling alley with bowling pins on the lanes.", "place/bowling-alley object/bowling-pin", "element/fence"),
    ("A hotel lobby with a reception desk, a key cabinet and a grand staircase.",
     "room/lobby object/reception-desk object/key-cabinet element/grand-staircase", "object/desk object/cabinet"),
    ("A heart-shaped tub in the honeymoon suite.", "object/heart-shaped-tub room/honeymoon-suite", "object/bathtub"),
    ("A bar with bar stools and a beer tap.",
     "place/bar object/bar-stool object/beer-tap", "object/stool object/faucet"),
    # Houses and their things
    ("A kitchen with a rusty stove, a refrigerator and dishes in the sink.",
     "room/kitchen object/stove object/refrigerator object/dishes object/sink", "object/industrial-press"),
    ("A door with a rusty padlock and a license plate nailed above it.",
     "element/door object/padlock object/license-plate", "object/dishes"),
    ("A piano stands beside a fireplace with a broken mirror above it.",
     "object/piano element/fireplace condition/broken-mirror", "object/mirror"),
    ("A mug with a broken handle and a radio with several knobs.", "object/cup object/radio", "element/door-handle"),
    ("A real estate sign in front of the mansion.", "place/mansion", "place/estate"),
    ("A white dress lies on the bed, next to a suitcase.",
     "object/clothing object/bed object/luggage", "object/dresser"),
    ("A spiral notebook on the desk.", "object/notebook object/desk", "element/spiral-staircase"),
    ("Uniform rows of windows in the facade.", "element/window element/facade", "object/clothing object/work-uniform"),
    ("It is not safe to enter.", "", "object/safe"),
    # Decay, light, plants, animals, hazards
    ("Sunlight streams through the broken windows onto sharp edges of glass.",
     "condition/broken-window material/glass", "nature/river hazard/medical-waste"),
    ("A drain in the floor of a shower room.", "object/floor-drain room/shower-room", "room/drain"),
    ("The collapsed roof has left debris and charred beams on the floor.",
     "condition/collapsed-roof condition/debris condition/charred-timber", "element/roof element/beam"),
    ("Ivy climbs over the boarded up windows; moss covers the steps.",
     "nature/ivy condition/boarded-up nature/moss element/staircase", "object/bulletin-board"),
    ("Exposed wires hang from a hole in the ceiling above standing water.",
     "hazard/exposed-wiring condition/roof-hole hazard/standing-water", "nature/water"),
    ("Pigeons and bats in the attic, guano on the floorboards.",
     "nature/pigeon nature/bat-colony room/attic hazard/guano element/wood-floor", "object/sports-equipment"),
    ("Tree canopies above the road.", "nature/forest element/road", "element/awning"),
    ("A rusty woodstove pipe and planks lie in the attic beside a deer head.",
     "object/wooden-plank room/attic object/taxidermy condition/rust", "object/firewood nature/deer"),
    ("The passenger seat of a wrecked car.", "object/auto-part vehicle/wrecked-car", "nature/person"),
    ("An axe and a hand saw hang on a pegboard.", "object/axe object/hand-saw object/bulletin-board", "nature/tree"),
    ("The photo captures an eerie atmosphere with muted colors on the left side.", "", "element/wall nature/sky"),
]  # fmt: skip


@pytest.mark.parametrize(("caption", "there", "absent"), CAPTIONS, ids=[row[0][:48] for row in CAPTIONS])
def test_captions_name_what_they_show(taxonomy: Taxonomy, caption: str, there: str, absent: str) -> None:
    found = named(taxonomy, caption)
    assert set(there.split()) - found == set()
    assert set(absent.split()) & found == set()


def test_what_the_table_names_exists(taxonomy: Taxonomy) -> None:
    known = {f"{concept.facet}/{concept.slug}" for concept in taxonomy.concepts.values()}
    assert {name for _, there, absent in CAPTIONS for name in f"{there} {absent}".split()} <= known


NOISE = [
    "photo", "picture", "image", "scene", "view", "atmosphere", "mood", "eerie", "haunting", "beautiful", "area",
    "place", "left_side", "right_side", "natural_light", "warm_glow", "two_large", "various_items", "several",
    "brightly", "overall_mood", "foreground", "background", "red", "dark", "see", "make", "stand", "take",
    "captured_scene", "composition", "watermark", "dimly_lit", "scattered_around",
]  # fmt: skip


@pytest.mark.parametrize("word", NOISE)
def test_noise_is_no_tag_and_no_proposal(taxonomy: Taxonomy, word: str) -> None:
    matches = taxonomy.match(word)
    assert (matches.found, matches.leftover) == ((), ())
