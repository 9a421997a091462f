"""Names of files that hold secrets; their content is shown to nobody inside."""

import re

# A template holds no secret; a test's own certificate is part of the test, and a package's of the package.
SECRET = re.compile(
    r"(?:.*/)?\.env(?:rc)?(?:\.(?!example$|sample$|template$|dist$|defaults$)[^/]*)?"
    r"|(?:.*/)?(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.pypirc|\.git-credentials|[^/]*\.(?:p12|pfx|jks|kdbx))"
    r"|(?!(?:.*/)?(?:tests?|testing|testdata|fixtures|examples?|node_modules|site-packages)/)(?:.*/)?[^/]*\.(?:pem|key)",
)
"""A path below the workspace whose file is masked."""


def is_secret(path: str) -> bool:
    """Whether the file at `path` is one whose content must not be seen."""
    return SECRET.fullmatch(path) is not None
