"""CypherX: bank statements in, normalised transactions and reports out."""
