// Package kinds has a place for every kind of mistake.
package kinds

import (
	"errors"
	"log/slog"
)

type Refusal struct{ Code string }

func (r *Refusal) m(a, b int, ok bool, s string) (Refusal, error) {
	if err := f(); err != nil {
		return Refusal{"x"}, err
	}
	switch {
	case !ok && a == -b:
		a += 2
	}
	for a < 1<<b {
		a++
		if s == "end" {
			break
		}
		slog.Info("left alone", "n", 1+1)
		defer f()
	}
	switch s {
	case "on":
		ok = true
	}
	g := func() error { return errors.New("one") }
	f()
	return Refusal{}, g()
}

func f() error { return nil }

var errSmall = errors.New("small")

func unseen(n int) (int, error) {
	if n == 0 {
		return 1, errSmall // no mutant shows this comment
	}
	list := make([]int, 2, n+1)
	_ = list
	if err := f(); err != nil {
		return 3, err
	}
	return 4, f()
}

func alone() (n int) {
	const step = 5
	for ; n < 7; n++ {
		f()
	}
	return step
}
