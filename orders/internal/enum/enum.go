package enum

import (
	"fmt"
	"slices"
)

// Name returns the name of v, and "what(7)" for a value that has none.
func Name[T ~uint8](names []string, what string, v T) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", what, v)
}

// Text returns the name of v, and an error for a value that has none.
func Text[T ~uint8](names []string, what string, v T) ([]byte, error) {
	if int(v) >= len(names) {
		return nil, fmt.Errorf("orders: %s: no value %d", what, v)
	}
	return []byte(names[v]), nil
}

// Parse reads a name into v, which an error leaves as it is.
func Parse[T ~uint8](names []string, what string, text []byte, v *T) error {
	i := slices.Index(names, string(text))
	if i < 0 {
		return fmt.Errorf("orders: %s: no value %q", what, text)
	}
	*v = T(i)
	return nil
}
