"""The two-letter codes that `locs.address_state` holds, with the names people write (USPS Publication 28)."""

from __future__ import annotations

from urbextag.errors import UsageError

STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "District of Columbia", "FL": "Florida", "GA": "Georgia",
    "HI": "Hawaii", "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky",
    "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota",
    "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "PR": "Puerto Rico", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip


def state_name(code: str) -> str:
    """A state written out: of its two letters in any case, else as it is."""
    return STATES.get(code.upper(), code)


def state_code(text: str) -> str:
    """Two letters for a code or a state's name. Codes of other countries' regions pass as they are.

    Raises:
        UsageError: neither two letters nor a state's name.

    """
    if len(text) == 2 and text.isalpha():
        return text.upper()
    for code, name in STATES.items():
        if name.lower() == text.strip().lower():
            return code
    raise UsageError(f"no state is called {text!r}", "Give its two letters, or the name of a US state: NY, New York")
