"""The synthetic pets, with a contact sheet."""

from __future__ import annotations

from pathlib import Path

from mmseg_ext.demo.contact_sheet import write_contact_sheet
from mmseg_ext.demo.generate import SPLITS, DemoSettings, make_demo_data
from mmseg_ext.files import refuse_existing


def make_demo(
    root: str | Path, settings: DemoSettings | None = None, *, sheet: str | Path | None = None, overwrite: bool = False
) -> bool:
    """Make the synthetic pets, unless they are there already with the same settings.

    Args:
        root: The folder to make.
        settings: Numbers, size, seed and defects.
        sheet: PNG for a picture of the set: images next to their true masks.
        overwrite: Replace ``sheet``, and a demo set made with other settings.

    Returns:
        Whether the set was made now.

    Raises:
        InputError: The folder holds something else, ``sheet`` exists, or a setting is out of range.
    """
    settings = settings or DemoSettings()
    if sheet is not None:
        refuse_existing([Path(sheet)], overwrite, 'sheet')
    made = make_demo_data(root, settings, overwrite)
    if sheet is not None:
        write_contact_sheet(root, sheet, split=next(split for split in SPLITS if settings.count(split)))
    return made
