// Package filter is the small language in which policies choose traces and searches ask for them.
//
//	{ status = error && duration > 1s && resource.service.name = "cart" } && { name =~ "SELECT.*" } && trace.spans > 9
//
// # Language
//
// Braces hold on one span: a trace satisfies { ... } if one of its spans satisfies all of what is inside, and { } if it has a span. Outside of
// braces && || ! and parentheses combine what holds for the trace, inside they combine what holds for the span; ! binds strongest, && before
// ||. So { a && b } asks for one span with both, { a } && { b } for two that may differ, { !a } for a span without and !{ a } for a trace of
// which no span has it.
//
//	in braces                           values              operators
//	  name service                      "text"              = != < <= > >= =~ !~
//	  duration                          1s 1.5ms 2h45m      = != < <= > >=
//	  kind                              server client internal producer consumer unspecified
//	                                                        = !=
//	  status                            error ok unset      = !=
//	  span.KEY resource.KEY scope.KEY   "text"              = != < <= > >= =~ !~
//	  event.KEY link.KEY any.KEY        12 -0.5 1e3         = != < <= > >=
//	                                    true false          = !=
//	outside of braces
//	  root.name root.service            "text"              as name
//	  trace.duration                    1s                  as duration
//	  trace.spans trace.errors          12                  = != < <= > >=
//
// KEY is the key of an attribute, in quotes if it has other characters than letters, digits and _ . - / : @ $ #. Where several attributes are
// meant, of events, of links, or any.KEY for those of span, resource, scope, events and links together, one that satisfies is enough. Text in
// double quotes has the escapes of Go, in back quotes it has none.
//
// A comparison with an attribute that is not there does not hold, != and !~ neither. One that is there and of another type than the value
// differs from it, and is neither less nor more. Numbers compare by value, whether they are integers or doubles; texts compare byte by byte.
// Regular expressions are those of RE2, and match the whole text; a dot is any character, line ends too.
//
// A field alone says that it is there: an attribute, whatever its value; a service that was told; any other field that is not empty, zero,
// unset or unspecified. root.name and root.service are empty where no root was seen.
//
// # Guarantees
//
//   - An error says what is wrong and in which column.
//   - Filters are bounded: 4,096 bytes, 64 pairs of braces, 64 levels of nesting, regular expressions of 10,000 instructions together.
//     Matching takes time linear in the trace.
//   - Matching reads spans in their bytes, asks no more of them than the answer needs, and allocates nothing for a span but where events and
//     links are asked for.
//   - A Filter is immutable and safe for concurrent use.
//
// # What it does not do
//
// It compares fields with constants only, not with each other, and it does not count or relate spans.
//
// # Sources
//
// The form, and the answer to attributes that are missing, follow TraceQL, the query language of Grafana Tempo, as documented for 2.9. The
// regular expressions are those of Go's package regexp.
package filter
