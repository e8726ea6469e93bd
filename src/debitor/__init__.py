"""debitor: a receivables server that speaks the Business Central API v2.0."""

__version__ = "0.1.0"
