"""companies: the sets of books of this server, at the root of the API. Read only: `debitor company create` adds."""

from debitor.ledger.records import Company
from debitor.schema import DATETIME, GUID, INT64, Constant, EntitySet, Property, text

SPOKEN_VERSION = "29.0.0.0"
"""The version of Business Central whose API this server speaks; clients read it as `systemVersion`."""
_NOBODY = Constant("00000000-0000-0000-0000-000000000001")
"""Rows are not made by users with ids of their own."""

COMPANIES = EntitySet(
    name="companies",
    entity="company",
    record=Company,
    company=False,
    etag=False,
    order=("name",),
    properties=(
        Property("id", GUID, "id", editable=False, nullable=False),
        Property("systemVersion", text(), Constant(SPOKEN_VERSION), editable=False),
        Property("timestamp", INT64, "version", editable=False),
        Property("name", text(30), "name", editable=False),
        Property("displayName", text(250), "display_name", editable=False),
        Property("businessProfileId", text(250), "business_profile_id", editable=False),
        Property("systemCreatedAt", DATETIME, "created_at", editable=False),
        Property("systemCreatedBy", GUID, _NOBODY, editable=False),
        Property("systemModifiedAt", DATETIME, "modified_at", editable=False),
        Property("systemModifiedBy", GUID, _NOBODY, editable=False),
    ),
)
