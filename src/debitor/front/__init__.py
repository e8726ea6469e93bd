"""Before and after the protocol: a request's body and origin, limits, and what is answered outside the API."""
