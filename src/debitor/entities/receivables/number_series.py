"""numberSeries: where document numbers come from, each with the line that is valid today.

A PATCH with a later `startingDate` and a `startingNumber` adds a line for documents from that day on.
`lastNumberUsed` can only be set forward: no number is given twice.
"""

from debitor.operations import number_series
from debitor.schema import BOOL, DATE, DATETIME, GUID, INT32, EntitySet, Property, code, text

NUMBER_SERIES = EntitySet(
    name="numberSeries",
    entity="numberSeriesEntry",
    rows=number_series.rows,
    order=("code",),
    properties=(
        Property("id", GUID, editable=False, nullable=False),
        Property("code", code(20), nullable=False),
        Property("description", text(100)),
        Property("startingDate", DATE),
        Property("startingNumber", code(20)),
        Property("endingNumber", code(20)),
        Property("lastNumberUsed", code(20)),
        Property("incrementBy", INT32),
        Property("defaultNumbers", BOOL),
        Property("manualNumbers", BOOL),
        Property("dateOrder", BOOL),
        Property("allowGaps", BOOL),
        Property("lastModifiedDateTime", DATETIME, editable=False),
    ),
    create=number_series.create,
    change=number_series.change,
    remove=number_series.remove,
)
