"""Short durable jobs over DBOS: enqueue in a transaction, claim, lease, adopt. Knows no ticket."""
