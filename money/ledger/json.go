package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// transactionJSON is the encoding of a Transaction. Its fields are in the order of their keys.
type transactionJSON struct {
	At       time.Time `json:"at"`
	Key      string    `json:"key"`
	Postings []Posting `json:"postings"`
	Reverses string    `json:"reverses,omitzero"`
	Seq      int64     `json:"seq,omitzero"`
	Why      string    `json:"why,omitzero"`
}

// MarshalJSON encodes t with sorted keys and its time in UTC: equal transactions have equal bytes,
// which can be hashed (with Seq 0 where only what it says counts). Postings keep their order and
// are never null.
func (t Transaction) MarshalJSON() ([]byte, error) {
	postings := t.Postings
	if postings == nil {
		postings = []Posting{}
	}
	return json.Marshal(transactionJSON{t.At.UTC(), t.Key, postings, t.Reverses, t.Seq, t.Why})
}

// UnmarshalJSON reads what MarshalJSON writes; a key that is unknown, there twice or written in
// another case is an error. It does not Validate.
func (t *Transaction) UnmarshalJSON(data []byte) error {
	var v Transaction
	err := readObject(data, map[string]any{
		"at": &v.At, "key": &v.Key, "postings": &v.Postings, "reverses": &v.Reverses, "seq": &v.Seq, "why": &v.Why,
	})
	if err != nil {
		return fmt.Errorf("ledger: transaction in JSON: %w", err)
	}
	*t = v
	return nil
}

// UnmarshalJSON reads {"account": ..., "amount": ...} as strictly.
func (p *Posting) UnmarshalJSON(data []byte) error {
	var v Posting
	if err := readObject(data, map[string]any{"account": &v.Account, "amount": &v.Amount}); err != nil {
		return err
	}
	*p = v
	return nil
}

// readObject decodes the values of an object into what its keys point to. Package json alone would
// take the last of two equal keys, and a key in any case.
func readObject(data []byte, fields map[string]any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if begin, err := dec.Token(); err != nil || begin != json.Delim('{') {
		return errors.Join(errors.New("want an object"), err)
	}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // a key of an object is always a string
		field, ok := fields[key]
		if !ok {
			return fmt.Errorf("key %q is unknown, or there twice", key)
		}
		delete(fields, key)
		if err := dec.Decode(field); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data after the object")
	}
	return nil
}
