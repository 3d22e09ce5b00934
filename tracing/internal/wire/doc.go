// Package wire reads and writes the protobuf form of OTLP traces, field by field and without copying.
//
// [TypeOf] and [Fields] say what the messages are made of; [Walker] reads the fields of one; [Check] proves that a message can be read to its
// last byte, so that whoever walks it later may leave errors aside. Known fields of another wire type are malformed, and so are groups;
// unknown fields are skipped; text is not checked to be UTF-8. So does the Collector's pdata.
//
// Source: opentelemetry-proto v1.11 and the protobuf encoding specification.
package wire
