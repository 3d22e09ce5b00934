// Package strictjson reads JSON that has to be exactly right, says everything
// that is wrong with it at once, and writes JSON in one canonical form.
//
// A [Decoder] goes over the text once. The caller asks for what should stand
// next; what stands there instead becomes a [Problem] with its JSON path
// ("rules[3].charge.steps[1].up_to"), is passed over, and the reading goes on.
// Refused are unknown and repeated keys, other types than the one asked for
// (a JSON number where a decimal string is due), decimals that are not
// -?digits[.digits] or are long, times that are not RFC 3339 at whole seconds,
// null, text that is not UTF-8, nesting beyond a limit, and data after the value.
// Only malformed JSON and too much nesting end the reading. The work is linear in
// the length of the text, and nothing in it makes a number of unbounded size.
//
// A [Writer] appends canonical JSON: no spaces, keys in the order in which the
// caller writes them, in strings nothing escaped that need not be, decimals
// without superfluous zeros, times in UTC. (encoding/json, when it calls a
// json.Marshaler that uses one, escapes <, > and & again unless it is told not to.)
package strictjson
