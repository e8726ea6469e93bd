"""journals: the journals of the general template, or of the one that a filter on templateDisplayName names.

`preview` answers with what `post` would write. By id it finds a journal of any template.
"""

from debitor.entities.journals import JOURNALS as V2
from debitor.entities.journals import PREVIEW
from debitor.entities.master import extended

JOURNALS = extended(V2, actions=(PREVIEW,))
