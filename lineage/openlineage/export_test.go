package openlineage

// WireEvent lets a benchmark unmarshal into the types that Encode marshals.
type WireEvent = wireEvent
