package access

import (
	"strings"
	"unicode/utf8"
)

// IsText reports whether every database can keep s as text: PostgreSQL takes no zero byte and nothing but UTF-8. Whoever lets
// requests in asks before a use case does.
func IsText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
