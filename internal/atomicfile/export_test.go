package atomicfile

import (
	"io"
	"os"
)

// Break closes the file behind the writer that fill gets, so that every write fails.
func Break(w io.Writer) error { return w.(*errorWriter).w.(*os.File).Close() }
