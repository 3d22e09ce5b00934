// Package enum gives small enumerations their text: in messages, in JSON, and back, strictly.
package enum
