"""OData v4 with Business Central's conventions. It knows entity sets, not payments."""
