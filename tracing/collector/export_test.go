package collector

// NewOn is New with the log on a file system of a test.
var NewOn = newOn //nolint:gochecknoglobals // A function, for tests alone.

// SlabBytes returns how much memory all shards have for spans, in use or not.
func (c *Collector) SlabBytes() int64 { return c.slabs.Bytes() }
