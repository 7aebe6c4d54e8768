package core

import (
	"errors"
	"slices"
	"strconv"
)

// Keyed is a query for the rows of several keys. [ReadBy] runs it.
type Keyed struct {
	Query string // ends with the column of the keys; $1 is the tenant, and Args come next
	Args  []any
	Form  byte   // type of the keys; see [Column]
	Order string // clause after the keys; "" for none
}

// ReadBy reads the rows of keys: with one list if the engine takes lists, and otherwise with a statement for each [Chunk] keys. So rows are
// in order only within a key.
func ReadBy[T comparable](tx *Tx, q Keyed, keys []T, read func(Row) error) error {
	args := append([]any{tx.Tenant}, q.Args...)
	place := `$` + strconv.Itoa(len(args)+1)
	switch {
	case len(keys) == 0:
		return nil
	case len(keys) == 1:
		return tx.C.Query(q.Query+`= `+place+q.Order, read, append(args, keys[0])...)
	case !tx.C.Lists():
		keys = distinct(keys) // a key in two statements would give its rows twice
		sql := q.Query + ` IN (` + Placeholders(len(args)+1, Chunk) + `)` + q.Order
		return eachChunk(args, keys, func(args []any) error { return tx.C.Query(sql, read, args...) })
	}
	list := List{Form: q.Form, Values: make([]any, len(keys))}
	for i, k := range keys {
		list.Values[i] = k
	}
	return tx.C.Query(q.Query+`= ANY(`+place+`)`+q.Order, read, append(args, list)...)
}

// Chunk is how many keys one statement names on an engine without lists. It is fixed so that the SQL text is the same for every number of
// keys.
const Chunk = 50

// InChunk is the condition of a column that its value is one of a chunk's keys; $1 is the tenant.
var InChunk = `IN (` + Placeholders(2, Chunk) + `)`

// EachChunk calls do with the parameters of a statement for each [Chunk] keys: the tenant, then the keys. A short chunk repeats its last
// key.
func EachChunk[T any](tx *Tx, keys []T, do func(args []any) error) error {
	return eachChunk([]any{tx.Tenant}, keys, do)
}

func eachChunk[T any](before []any, keys []T, do func(args []any) error) error {
	args := append(slices.Clip(before), make([]any, Chunk)...)
	for chunk := range slices.Chunk(keys, Chunk) {
		for i := range Chunk {
			args[len(before)+i] = chunk[min(i, len(chunk)-1)]
		}
		if err := do(args); err != nil {
			return err
		}
	}
	return nil
}

// distinct returns each key once.
func distinct[T comparable](keys []T) []T {
	if len(keys) <= Chunk {
		return keys
	}
	out, seen := make([]T, 0, len(keys)), make(map[T]bool, len(keys))
	for _, k := range keys {
		if !seen[k] {
			seen[k], out = true, append(out, k)
		}
	}
	return out
}

// errTwice means that a query found several rows of something that has at most one.
var errTwice = errors.New("more than one row where one was expected")

// PutOnce puts the only row of a key into a map. A second row is an error, as in [Tx.One].
func PutOnce[K comparable, V any](to map[K]V, key K, v V) error {
	if _, there := to[key]; there {
		return errTwice
	}
	to[key] = v
	return nil
}
