package wire

// A Type is a message of OTLP.
type Type uint8

// The messages that a request is made of.
const (
	Request Type = iota
	ResourceSpans
	Resource
	EntityRef
	ScopeSpans
	Scope
	Span
	Event
	Link
	Status
	KeyValue
	AnyValue
	ArrayValue
	KeyValueList
)

// A Kind is what a field holds, which decides its wire type and its form in JSON.
type Kind uint8

// The kinds of fields. Unknown is that of a number that the message does not define.
const (
	Unknown Kind = iota
	String
	Bytes
	TraceID
	SpanID
	Bool
	Enum
	Uint32
	Int64
	Fixed32
	Fixed64
	Double
	Message
)

// Wire returns the wire type of fields of kind k.
func (k Kind) Wire() uint8 { return wireTypes[k] }

//nolint:gochecknoglobals // An immutable table.
var wireTypes = [...]uint8{
	String: Len, Bytes: Len, TraceID: Len, SpanID: Len, Message: Len,
	Bool: Varint, Enum: Varint, Uint32: Varint, Int64: Varint, Fixed32: I32, Fixed64: I64, Double: I64,
}

// A Field is one field of a message.
type Field struct {
	Name     string // in JSON
	Kind     Kind
	Repeated bool
	Of       Type // of a Message
}

// Numbers of fields that code names.
const (
	RequestResourceSpans = 1

	ResourceSpansResource   = 1
	ResourceSpansScopeSpans = 2
	ResourceSpansSchemaURL  = 3
	ResourceSpansDeprecated = 1000 // scope spans, from before there were scopes

	ResourceAttributes = 1
	ResourceDropped    = 2
	ResourceEntityRefs = 3

	EntitySchemaURL       = 1
	EntityType            = 2
	EntityIDKeys          = 3
	EntityDescriptionKeys = 4

	ScopeSpansScope     = 1
	ScopeSpansSpans     = 2
	ScopeSpansSchemaURL = 3

	ScopeName       = 1
	ScopeVersion    = 2
	ScopeAttributes = 3
	ScopeDropped    = 4

	SpanTraceID           = 1
	SpanSpanID            = 2
	SpanTraceState        = 3
	SpanParentID          = 4
	SpanName              = 5
	SpanKind              = 6
	SpanStart             = 7
	SpanEnd               = 8
	SpanAttributes        = 9
	SpanDroppedAttributes = 10
	SpanEvents            = 11
	SpanDroppedEvents     = 12
	SpanLinks             = 13
	SpanDroppedLinks      = 14
	SpanStatus            = 15
	SpanFlags             = 16

	EventTime       = 1
	EventName       = 2
	EventAttributes = 3
	EventDropped    = 4

	LinkTraceID    = 1
	LinkSpanID     = 2
	LinkTraceState = 3
	LinkAttributes = 4
	LinkDropped    = 5
	LinkFlags      = 6

	StatusMessage = 2
	StatusCode    = 3

	KeyValueKey   = 1
	KeyValueValue = 2

	ValueString = 1
	ValueBool   = 2
	ValueInt    = 3
	ValueDouble = 4
	ValueArray  = 5
	ValueMap    = 6
	ValueBytes  = 7

	ListValues = 1 // of ArrayValue and KeyValueList
)

// Fields returns the fields of a message by number; those without a name are not defined. The slice is shared: read it only.
func Fields(t Type) []Field { return fields[t][:] }

// field returns a field by number; Unknown if there is none. The deprecated field of ResourceSpans is far beyond the others.
func (t Type) field(number int32) Field {
	if number < int32(len(fields[t])) {
		return fields[t][number]
	}
	if t == ResourceSpans && number == ResourceSpansDeprecated {
		return fields[t][ResourceSpansScopeSpans]
	}
	return Field{}
}

// The key and string values that are indexes into a dictionary belong to profiles; in traces they are read and left aside.
//
//nolint:gochecknoglobals // An immutable table.
var fields = [...][SpanFlags + 1]Field{
	Request: {RequestResourceSpans: {"resourceSpans", Message, true, ResourceSpans}},
	ResourceSpans: {
		ResourceSpansResource:   {"resource", Message, false, Resource},
		ResourceSpansScopeSpans: {"scopeSpans", Message, true, ScopeSpans},
		ResourceSpansSchemaURL:  {"schemaUrl", String, false, 0},
	},
	Resource: {
		ResourceAttributes: {"attributes", Message, true, KeyValue},
		ResourceDropped:    {"droppedAttributesCount", Uint32, false, 0},
		ResourceEntityRefs: {"entityRefs", Message, true, EntityRef},
	},
	EntityRef: {
		EntitySchemaURL:       {"schemaUrl", String, false, 0},
		EntityType:            {"type", String, false, 0},
		EntityIDKeys:          {"idKeys", String, true, 0},
		EntityDescriptionKeys: {"descriptionKeys", String, true, 0},
	},
	ScopeSpans: {
		ScopeSpansScope:     {"scope", Message, false, Scope},
		ScopeSpansSpans:     {"spans", Message, true, Span},
		ScopeSpansSchemaURL: {"schemaUrl", String, false, 0},
	},
	Scope: {
		ScopeName:       {"name", String, false, 0},
		ScopeVersion:    {"version", String, false, 0},
		ScopeAttributes: {"attributes", Message, true, KeyValue},
		ScopeDropped:    {"droppedAttributesCount", Uint32, false, 0},
	},
	Span: {
		SpanTraceID:           {"traceId", TraceID, false, 0},
		SpanSpanID:            {"spanId", SpanID, false, 0},
		SpanTraceState:        {"traceState", String, false, 0},
		SpanParentID:          {"parentSpanId", SpanID, false, 0},
		SpanName:              {"name", String, false, 0},
		SpanKind:              {"kind", Enum, false, 0},
		SpanStart:             {"startTimeUnixNano", Fixed64, false, 0},
		SpanEnd:               {"endTimeUnixNano", Fixed64, false, 0},
		SpanAttributes:        {"attributes", Message, true, KeyValue},
		SpanDroppedAttributes: {"droppedAttributesCount", Uint32, false, 0},
		SpanEvents:            {"events", Message, true, Event},
		SpanDroppedEvents:     {"droppedEventsCount", Uint32, false, 0},
		SpanLinks:             {"links", Message, true, Link},
		SpanDroppedLinks:      {"droppedLinksCount", Uint32, false, 0},
		SpanStatus:            {"status", Message, false, Status},
		SpanFlags:             {"flags", Fixed32, false, 0},
	},
	Event: {
		EventTime:       {"timeUnixNano", Fixed64, false, 0},
		EventName:       {"name", String, false, 0},
		EventAttributes: {"attributes", Message, true, KeyValue},
		EventDropped:    {"droppedAttributesCount", Uint32, false, 0},
	},
	Link: {
		LinkTraceID:    {"traceId", TraceID, false, 0},
		LinkSpanID:     {"spanId", SpanID, false, 0},
		LinkTraceState: {"traceState", String, false, 0},
		LinkAttributes: {"attributes", Message, true, KeyValue},
		LinkDropped:    {"droppedAttributesCount", Uint32, false, 0},
		LinkFlags:      {"flags", Fixed32, false, 0},
	},
	Status: {
		StatusMessage: {"message", String, false, 0},
		StatusCode:    {"code", Enum, false, 0},
	},
	KeyValue: {
		KeyValueKey:   {"key", String, false, 0},
		KeyValueValue: {"value", Message, false, AnyValue},
		3:             {"", Enum, false, 0},
	},
	AnyValue: {
		ValueString: {"stringValue", String, false, 0},
		ValueBool:   {"boolValue", Bool, false, 0},
		ValueInt:    {"intValue", Int64, false, 0},
		ValueDouble: {"doubleValue", Double, false, 0},
		ValueArray:  {"arrayValue", Message, false, ArrayValue},
		ValueMap:    {"kvlistValue", Message, false, KeyValueList},
		ValueBytes:  {"bytesValue", Bytes, false, 0},
		8:           {"", Enum, false, 0},
	},
	ArrayValue:   {ListValues: {"values", Message, true, AnyValue}},
	KeyValueList: {ListValues: {"values", Message, true, KeyValue}},
}
