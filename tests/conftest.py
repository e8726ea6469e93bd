"""Settings that all tests share."""

from hypothesis import settings

# A busy machine must not make a property fail: what is slow is measured in bench/.
settings.register_profile("debitor", deadline=None)
settings.load_profile("debitor")
