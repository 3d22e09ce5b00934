package money

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

var (
	_ json.Marshaler   = Amount{}
	_ json.Unmarshaler = (*Amount)(nil)
)

// The two fields of an amount in JSON.
const (
	amountField   = "amount"
	currencyField = "currency"
)

// MarshalJSON returns {"amount":"12.34","currency":"USD"}, and null for the zero Amount. It never
// fails.
func (a Amount) MarshalJSON() ([]byte, error) {
	if a.meta == 0 {
		return []byte("null"), nil
	}
	b := append([]byte(nil), `{"`+amountField+`":"`...)
	b = a.appendText(b)
	b = append(b, `","`+currencyField+`":"`...)
	b = append(b, a.Currency().String()...)
	return append(b, `"}`...), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else: a number for the amount, a field
// that is missing, twice there or unknown are ErrSyntax with the field; the strings go through
// Parse and the currency's own reading. An error leaves a unchanged.
func (a *Amount) UnmarshalJSON(data []byte) error {
	fields, err := readFields(data)
	if err != nil {
		return err
	}
	if fields == nil {
		*a = Amount{}
		return nil
	}
	for _, name := range []string{amountField, currencyField} {
		if _, ok := fields[name]; !ok {
			return jsonError("field %q is missing", name)
		}
	}
	c, err := parseCurrency(fields[currencyField])
	if err != nil {
		return err
	}
	v, err := Parse(fields[amountField], c)
	if err != nil {
		return err
	}
	*a = v
	return nil
}

// readFields reads an object of the two fields; nil is null.
func readFields(data []byte) (map[string]string, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a megabyte of digits is not converted before it is refused
	begin, err := dec.Token()
	if err != nil {
		return nil, jsonError("%w", err)
	}
	var fields map[string]string
	switch begin {
	case nil:
	case json.Delim('{'):
		fields = make(map[string]string, 2)
		for dec.More() {
			if err := readField(dec, fields); err != nil {
				return nil, err
			}
		}
		if _, err := dec.Token(); err != nil {
			return nil, jsonError("%w", err)
		}
	default:
		return nil, jsonError("want an object or null")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, jsonError("data after the value")
	}
	return fields, nil
}

// readField adds one field to fields.
func readField(dec *json.Decoder, fields map[string]string) error {
	key, err := dec.Token()
	if err != nil {
		return jsonError("%w", err)
	}
	name, _ := key.(string) // a key of an object is always a string
	if name != amountField && name != currencyField {
		return jsonError("unknown field %s", quoted(name))
	}
	if _, ok := fields[name]; ok {
		return jsonError("field %q is there twice", name)
	}
	value, err := dec.Token()
	if err != nil {
		return jsonError("field %q: %w", name, err)
	}
	text, ok := value.(string)
	if !ok {
		return jsonError("field %q: want a string", name)
	}
	fields[name] = text
	return nil
}

// jsonError is ErrSyntax with what is wrong in the JSON of an amount.
func jsonError(format string, args ...any) error {
	return fmt.Errorf("money: amount in JSON: %w: %w", ErrSyntax, fmt.Errorf(format, args...))
}
