"""What every record of settings is made of: the strict base, and numbers with bounds."""

from typing import Annotated

import msgspec

Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
# Bounded on both sides: TOML has `inf` and `nan`, and no limit or duration is this large.
PositiveFloat = Annotated[float, msgspec.Meta(ge=1e-9, le=1e9)]
NonNegativeFloat = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class SettingsError(ValueError):
    """A configuration cannot be used; the message says what was expected and received."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section of the configuration: unknown keys are refused."""
