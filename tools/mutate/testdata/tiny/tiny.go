// Package tiny is the code that the tests of mutate change.
package tiny

// Fee is tested, but not at its limit.
func Fee(n int) int {
	if n < 10 {
		return 0
	}
	return n
}

// Twice is tested only by package user.
func Twice(n int) int {
	return n + n
}

// Half is tested by nobody.
func Half(n int) int {
	return n / two
}

// Last has a loop that would never end without its body.
func Last(list []string) string {
	for len(list) > 1 {
		list = list[1:]
	}
	return list[0]
}

// Square is run only by a program that a test starts.
func Square(n int) int {
	return n * n
}

const two = 2
