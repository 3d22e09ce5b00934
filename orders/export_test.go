package orders

// HashBegin shows the hash that a request to begin is known by.
func HashBegin(b BeginRequest, c Cart) (string, error) { return b.hash(c) }
