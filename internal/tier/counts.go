package tier

// The counts of all random tests: in go test -short, in ./check and in ./check long. A comment says what each one counts.
// A count of ./check is the smallest that finds every mistake that its test was seen to find.
