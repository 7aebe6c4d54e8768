package main

import (
	"context"
	"errors"
	"os"
	"slices"
)

// trial is a mutant on its way through the suites.
type trial struct {
	result
	mutant  *mutant
	settled bool
	refused bool // refused by the compiler or linker
}

// judge runs the package's own tests on the mutants, then the other suites on the survivors. A mutant that does not compile
// has no result.
func (r *runner) judge(ctx context.Context, p plan, c *code, hand []*mutant) ([]result, error) {
	var trials []*trial
	for _, m := range hand {
		t := &trial{mutant: m, result: result{File: m.file.name, Line: m.line, Function: m.function,
			Before: m.before, After: m.after, Outcome: "survived", Uncov: true}}
		if why, ok := r.excused[m.key()]; ok {
			t.Outcome, t.By, t.Uncov, t.settled = "equivalent", why, false, true
			r.report(t.result)
		}
		trials = append(trials, t)
	}
	for i, s := range slices.Concat(p.own, p.also) {
		if err := r.suite(ctx, s, c, i < len(p.own), trials); err != nil {
			return nil, err
		}
	}
	var out []result
	for _, t := range trials {
		if t.refused {
			continue
		}
		if !t.settled {
			r.report(t.result)
		}
		out = append(out, t.result)
	}
	return out, nil
}

// suite runs one suite on every mutant that it covers and that no earlier suite has noticed.
func (r *runner) suite(ctx context.Context, s suite, c *code, own bool, trials []*trial) error {
	if !slices.ContainsFunc(trials, func(t *trial) bool { return !t.settled }) {
		return nil
	}
	known, err := r.shop.measure(ctx, s, c)
	if err != nil {
		return err
	}
	of := map[*mutant]*trial{}
	var list []*mutant
	for _, t := range trials {
		if !t.settled && known.covers(t.mutant) {
			t.Uncov = t.Uncov && !own
			of[t.mutant] = t
			list = append(list, t.mutant)
		}
	}
	for queue := c.batches(list); len(queue) > 0; {
		set := queue[0]
		queue = queue[1:]
		binary, err := r.shop.prepare(ctx, s, c, set)
		switch {
		case errors.Is(err, errBuild) && len(set) > 1: // one mutant of the set breaks the build of all
			for _, m := range set {
				queue = append(queue, []*mutant{m})
			}
		case errors.Is(err, errBuild):
			if r.refused++; r.refused > mostRefused {
				return err
			}
			of[set[0]].settled, of[set[0]].refused = true, true
		case err != nil:
			return err
		default:
			err = r.each(ctx, s, known, own, binary, set, of)
			_ = os.Remove(binary)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// mostRefused is the number of mutants that may pass the type checker and then fail to build. If more mutants fail, the
// fault must be elsewhere.
const mostRefused = 20

// each runs a binary once for each of its mutants.
func (r *runner) each(ctx context.Context, s suite, known *measured, own bool, binary string, set []*mutant, of map[*mutant]*trial) error {
	for _, m := range set {
		by, err := r.shop.try(ctx, s, known, binary, m)
		if err != nil {
			return err
		}
		if by == "" {
			continue
		}
		t := of[m]
		t.Outcome, t.By, t.settled = "other", by, true
		if own {
			t.Outcome = "own"
		}
		r.report(t.result)
	}
	return nil
}
