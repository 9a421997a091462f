"""How two reviewers say the same, and how one reviewer says two things about one file.

The threshold was chosen on these.
"""

SAME = (
    ("Emails are compared with case, so Ada@x.org registers twice",
     "The duplicate check compares emails case-sensitively; Ada@x.org can register twice"),
    ("The file handle leaks when parsing fails",
     "When parsing raises, the file handle is leaked"),
    ("discounted() accepts a percent above 100 and returns a negative price",
     "A percent above 100 is accepted by discounted(), which gives a negative price"),
    ("No timeout on the HTTP request to the tax service",
     "The HTTP request to the tax service has no timeout"),
    ("`total` ignores items whose price is None",
     "Items with a None price are ignored by `total`"),
    ("The retry loop never ends when the server always answers 503",
     "If the server keeps answering 503 the retry loop never ends"),
    ("SQL is built by string concatenation from the search term: injection",
     "The search term is concatenated into the SQL string (SQL injection)"),
    ("The error message reveals the database password",
     "Database password is revealed in the error message"),
    ("rounded() rounds half a cent down instead of up",
     "rounded() rounds down on half a cent; it should round up"),
    ("Concurrent signups with the same email both succeed",
     "Two concurrent signups with the same email can both succeed"),
    ("FR-002 is not met: the receipt has no line for the discount",
     "The discount line is missing from the receipt, so FR-002 is not met"),
    ("The migration drops the column before the data is copied",
     "Column is dropped before its data is copied in the migration"),
    ("Negative quantities pass validation",
     "validation lets negative quantities pass"),
    ("The cache key omits the tenant id, so tenants see each other's data",
     "Tenant id missing from the cache key: tenants can see each other's data"),
    ("Dates are parsed as local time and stored as UTC",
     "The parser reads dates as local time although they are stored as UTC"),
    ("An empty list makes `average` divide by zero",
     "`average` divides by zero for an empty list"),
    ("The lock is not released when `save` raises",
     "`save` raising leaves the lock unreleased"),
    ("The response status is 200 although the signup was refused",
     "A refused signup still answers with status 200"),
)  # fmt: skip
"""The same thing, said again by somebody else."""

UNLIKE = (
    ("Sessions survive a logout", "A user who logs out stays signed in elsewhere"),
    ("The total is off by one cent for three equal items", "Summing floats accumulates rounding error"),
    ("Anybody can read anybody's invoices", "Missing authorization on GET /invoices/{id}"),
)  # fmt: skip
"""The same thing with hardly a word in common: these are not recognised."""

OTHER = (
    ("discounted() accepts a percent above 100", "discounted() accepts a percent below 0"),
    ("The file handle leaks when parsing fails", "The file handle is opened with the wrong encoding"),
    ("No timeout on the request to the tax service", "The tax service's answer is cached for ever"),
    ("Emails are compared with case", "Emails longer than 254 characters are stored"),
    ("FR-001 is not met by the receipt", "FR-002 is not met by the receipt"),
    ("`total` ignores items whose price is None", "`total` counts items whose quantity is zero twice"),
    ("The retry loop never ends on 503", "The retry loop does not wait between attempts"),
    ("The error message reveals the database password", "The error message is not translated"),
    ("Concurrent signups with the same email both succeed", "A signup without an email answers 500"),
    ("The migration drops the column before the data is copied", "The migration cannot be rolled back"),
    ("Negative quantities pass validation", "Validation errors are answered as text instead of JSON"),
    ("The cache key omits the tenant id", "The cache is never emptied"),
    ("An empty list makes `average` divide by zero", "`median` sorts the caller's list in place"),
    ("The lock is not released when `save` raises", "`save` writes outside the lock"),
    ("A refused signup answers with status 200", "A refused signup is written to the audit log twice"),
    ("The test does not assert the returned status", "The test does not assert the stored row"),
    ("The index on users.email is missing", "The index on orders.user_id is missing"),
    ("`parse` raises KeyError for a missing name", "`parse` raises ValueError for an empty date"),
)  # fmt: skip
"""Two things about one file."""

CONFUSED = (
    ("No timeout on the HTTP request to the tax service", "The HTTP request to the tax service is sent without TLS"),
)  # fmt: skip
"""Two things in nearly the same words: taken for one."""
