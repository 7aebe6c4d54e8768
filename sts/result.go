package sts

// Result is a meter's answer to a token. The answers and their order come from manuals of meters, which list
// them as the application results of IEC 62055-41. One maker documents that 13 means a check error; the other numbers follow from
// the order. StorageError is ours. The zero Result is not an answer and never means accept.
type Result uint8

// The answers, in the order of the meters' status numbers.
const (
	// Accept: the token is good and was carried out; from [Open] it means only that the token opens.
	Accept Result = iota + 1
	// KCT1st: the first section of a key change was taken; the meter waits for the other sections.
	KCT1st
	// KCTNth: a further section was taken; the set is not complete yet.
	KCTNth
	// OverflowError: the register would overflow. The token is not used up and may be entered later.
	OverflowError
	// KeyTypeError: the key change breaks the rule of [KeyType.MayBecome].
	KeyTypeError
	// FormatError: not 20 digits, or a number too large for a token.
	FormatError
	// RangeError: a field is out of the range this meter allows.
	RangeError
	// FunctionError: a valid token for a function that this meter does not have.
	FunctionError
	// OldError: the token was issued before the oldest token the meter remembers.
	OldError
	// UsedError: this token was accepted before.
	UsedError
	// KeyExpiredError: the token was issued after the key's expiry number.
	KeyExpiredError
	// DDTKError: credit is refused while the meter holds a default key.
	DDTKError
	// CRCError: wrong meter, wrong key or a mistyped digit; the meter cannot tell which.
	CRCError
	// MfrCodeError: a test token for meters of another manufacturer.
	MfrCodeError
	// Locked: too many wrong tokens; the meter looks at no token of class 0 or 2 for a while.
	Locked
	// Busy: the meter has not answered the previous token yet.
	Busy
	// StorageError: the meter could not make the acceptance durable; the token is not used up.
	StorageError
)

// resultNames are the names that every protocol, journal and vector file uses.
var resultNames = [...]string{
	0: "none", Accept: "accept", KCT1st: "kct_1st", KCTNth: "kct_nth", OverflowError: "overflow_error",
	KeyTypeError: "key_type_error", FormatError: "format_error", RangeError: "range_error",
	FunctionError: "function_error", OldError: "old_error", UsedError: "used_error",
	KeyExpiredError: "key_expired_error", DDTKError: "ddtk_error", CRCError: "crc_error",
	MfrCodeError: "mfr_code_error", Locked: "locked", Busy: "busy", StorageError: "storage_error",
}

// String returns the stable name of the result: "accept", "used_error", "crc_error" and so on.
func (r Result) String() string {
	if int(r) >= len(resultNames) {
		return resultNames[0]
	}
	return resultNames[r]
}

// Status returns the number that real meters show for this result, 1 to 16. It returns false for a result without a
// number.
func (r Result) Status() (uint8, bool) { return uint8(r), r >= Accept && r <= Busy }

// ParseResult is the inverse of [Result.String]. It returns false for an unknown name. The names are ours.
func ParseResult(name string) (Result, bool) {
	for r := Accept; int(r) < len(resultNames); r++ {
		if resultNames[r] == name {
			return r, true
		}
	}
	return 0, false
}
