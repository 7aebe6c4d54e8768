package core

// SliceRows is how many rows a verification compares together. It reads what belongs to them by lists, because on PostgreSQL every statement
// costs a round trip. A slice of sales takes about 2 MB.
const SliceRows = 500

// InSlices runs a query and calls check with each [SliceRows] of its rows, in order. The last slice may be shorter.
func InSlices[T any](tx *Tx, query string, scan func(Row) T, check func([]T) error, args ...any) error {
	slice := make([]T, 0, SliceRows)
	err := tx.C.Query(query, func(w Row) error {
		if slice = append(slice, scan(w)); len(slice) < SliceRows {
			return nil
		}
		err := check(slice)
		slice = slice[:0]
		return err
	}, args...)
	if err == nil && len(slice) > 0 {
		err = check(slice)
	}
	return err
}
