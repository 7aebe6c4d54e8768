package atomicfile

// Tests of what only a failing system shows, and of the decisions behind the functions.

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// failsOnce is a writer that fails at its second call and works again afterwards.
type failsOnce struct{ calls int }

var errOnce = errors.New("failed once")

func (f *failsOnce) Write(b []byte) (int, error) {
	if f.calls++; f.calls == 2 {
		return 0, errOnce
	}
	return len(b), nil
}

// TestAWriterThatFailedStaysFailed checks that nothing is written after an error: the file would have a hole.
func TestAWriterThatFailedStaysFailed(t *testing.T) {
	below := &failsOnce{}
	w := &errorWriter{w: below}
	for i, want := range []error{nil, errOnce, errOnce, errOnce} {
		if n, err := w.Write([]byte("abc")); err != want || (n == 3) != (want == nil) {
			t.Errorf("write %d: %d, %v; want %v", i+1, n, err, want)
		}
	}
	if below.calls != 2 || w.failed != errOnce {
		t.Errorf("%d writes reached the file, and %v is remembered", below.calls, w.failed)
	}
}

// TestNamesThatCannotBeAreErrors checks each function with a name that the system refuses. Nothing may be left.
func TestNamesThatCannotBeAreErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, strings.Repeat("x", 300))
	nothing := func(string) error { return nil }
	_, free := checkFree(filepath.Join(file, "below"))
	_, folder := NewPrivateFolder(file)
	made, folders := MakeFolders(long)
	_, below := MakeFolders(filepath.Join(file, "below"))
	_, unfinished := Unfinished(filepath.Join(dir, "["))
	for name, err := range map[string]error{
		"WriteFile":              WriteFile(long, 0o600, Content(nil)),
		"CreateFile":             CreateFile(long, 0o600, Content(nil)),
		"CreateFolder":           CreateFolder(long, "", nothing),
		"CreateFolder, deep":     CreateFolder(filepath.Join(long, "x"), "", nothing),
		"CreateFiles":            CreateFiles(dir, []File{{Name: filepath.Base(long), Mode: 0o600}}, nil),
		"CreateFiles, folder":    CreateFiles(long, nil, nil),
		"Append":                 Append(long, 0o600, []byte("x\n")),
		"Append to a folder":     Append(dir, 0o600, []byte("x\n")),
		"CheckFree":              free,
		"CheckFree of a file":    CheckFree(file),
		"NewPrivateFolder":       folder,
		"MakeFolders":            folders,
		"MakeFolders in a file":  below,
		"Unfinished":             unfinished,
		"Folders.Remove":         Folders{filepath.Join(file, "below")}.Remove(),
		"SyncFolder":             SyncFolder(long),
		"renameChecked, no file": renameChecked(filepath.Join(dir, "absent"), filepath.Join(dir, "to")),
		"takeBack":               (&stage{parent: file}).takeBack([]string{"below"}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if len(made) != 0 {
		t.Errorf("made %v", made)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
	var left *LeftError
	if err := (Folders{filepath.Join(file, "below")}).Remove(); !errors.As(err, &left) || left.Path != filepath.Join(file, "below") {
		t.Errorf("a folder that cannot be removed: %v", err)
	}
}

// TestAFreeNameIsTakenOnce checks the way of renaming where the system has none that fails for a name that is taken.
func TestAFreeNameIsTakenOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := errors.Join(os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600), os.Mkdir(filepath.Join(dir, "f"+name), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		from, to string
		want     error
	}{{"a", "b", fs.ErrExist}, {"a", "fa", fs.ErrExist}, {"fa", "fb", fs.ErrExist}, {"fa", "b", fs.ErrExist}, {"a", "new", nil}, {"fa", "fnew", nil}} {
		if err := renameChecked(filepath.Join(dir, c.from), filepath.Join(dir, c.to)); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s to %s: %v, want %v", c.from, c.to, err, c.want)
		}
		_, err := os.Lstat(filepath.Join(dir, c.from))
		if gone := errors.Is(err, fs.ErrNotExist); gone != (c.want == nil) {
			t.Errorf("%s to %s: the old name is gone: %t", c.from, c.to, gone)
		}
	}
}

// TestAStageIsPrivateAndLocked checks what a run makes before it writes.
func TestAStageIsPrivateAndLocked(t *testing.T) {
	parent := t.TempDir()
	s, err := newStage(parent)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{s.dir, s.files()} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, lockName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if info, err := lock.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the lock: %v, %v", info.Mode(), err)
	}
	if held, err := TryLock(lock); !held || err != nil {
		t.Errorf("the lock is held: %t, %v", held, err)
	}
	if !s.exists() {
		t.Error("the stage does not know its lock")
	}
	if err := os.Rename(filepath.Join(s.dir, lockName), filepath.Join(s.dir, "other")); err != nil || s.exists() {
		t.Errorf("a lock that another run removed counts: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, lockName), nil, 0o600); err != nil || s.exists() {
		t.Errorf("a lock that another run made counts: %v", err)
	}
	if err := s.remove(); err != nil {
		t.Fatal(err)
	}
	if s.exists() {
		t.Error("a stage that is gone exists")
	}
	if held, err := TryLock(lock); held || err != nil {
		t.Errorf("after the run the lock is held: %t, %v", held, err)
	}
	if held, err := TryLock(s.lock); held || err == nil || !strings.HasPrefix(err.Error(), "lock "+s.lock.Name()+": ") {
		t.Errorf("a closed lock: held %t, %v", held, err)
	}
}

// TestADiskHasRoomOrNot checks the decision at its borders.
func TestADiskHasRoomOrNot(t *testing.T) {
	for _, c := range []struct {
		s          Space
		need, keep int64
		fits       bool
	}{
		{Space{}, 1 << 60, 1 << 60, true}, // unknown
		{Space{100, 1000}, 60, 40, true},
		{Space{100, 1000}, 60, 41, false},
		{Space{100, 1000}, 61, 40, false},
		{Space{100, 1}, 101, 0, false},
		{Space{0, 1}, 0, 0, true},
	} {
		err := checkRoom("d", c.s, c.need, c.keep)
		if (err == nil) != c.fits {
			t.Errorf("%+v: %v", c, err)
		}
		var no *NoRoomError
		if errors.As(err, &no) && *no != (NoRoomError{Dir: "d", Need: c.need, Keep: c.keep, Spare: c.s.Free}) {
			t.Errorf("%+v: it says %+v", c, *no)
		}
	}
	if checkEvery > 50*time.Millisecond {
		t.Errorf("the disk is looked at every %s: a fast disk takes a hundred MiB meanwhile", checkEvery)
	}
}

// TestWholeLines checks where a list ends.
func TestWholeLines(t *testing.T) {
	for text, want := range map[string]string{"": "", "a": "", "a\n": "a\n", "a\nb": "a\n", "\n": "\n", "a\n\nb\n": "a\n\nb\n"} {
		if got := string(WholeLines([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestAListThatCannotBeReadIsAnError checks that a list that cannot be read or believed is an error.
func TestAListThatCannotBeReadIsAnError(t *testing.T) {
	for name, spoil := range map[string]func(list string) error{
		"a folder":        func(list string) error { return os.Mkdir(list, 0o700) },
		"an empty name":   func(list string) error { return os.WriteFile(list, []byte("a\n\n"), 0o600) },
		"a name outside":  func(list string) error { return os.WriteFile(list, []byte("../a\n"), 0o600) },
		"the folder here": func(list string) error { return os.WriteFile(list, []byte("x/a\n"), 0o600) },
	} {
		parent := t.TempDir()
		s, err := newStage(parent)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(spoil(filepath.Join(s.dir, movingName)), os.WriteFile(filepath.Join(s.files(), "a"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := s.undoMoves(); err == nil {
			t.Errorf("%s: the list was believed", name)
		}
		if err := s.remove(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOnlyADeadStageOfOnesOwnIsSwept and every other folder stays as it is.
func TestOnlyADeadStageOfOnesOwnIsSwept(t *testing.T) {
	stays := map[string]func(dir string) error{
		"the folder of a dead run": nil,
		"a link to a stage":        func(dir string) error { return errors.Join(os.Rename(dir, dir+"-real"), os.Symlink(dir+"-real", dir)) },
		"a file": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600))
		},
		"a lock that is a folder": func(dir string) error {
			lock := filepath.Join(dir, lockName)
			return errors.Join(os.Remove(lock), os.Mkdir(lock, 0o700))
		},
	}
	if os.Geteuid() == 0 {
		stays["another user's folder"] = func(dir string) error { return os.Chown(dir, 12345, 12345) }
	}
	for name, change := range stays {
		parent := t.TempDir()
		dir := filepath.Join(parent, stagePrefix+"x")
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, filesName), 0o700), os.WriteFile(filepath.Join(dir, lockName), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if change != nil {
			if err := change(dir); err != nil {
				t.Fatal(err)
			}
		}
		if err := sweepStage(parent, dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := os.Stat(dir)
		if stayed := err == nil; stayed != (change != nil) {
			t.Errorf("%s stayed: %t", name, stayed)
		}
		if real, err := os.ReadDir(dir + "-real"); err == nil && len(real) != 2 {
			t.Errorf("%s: behind it there is %v", name, real)
		}
	}
	if err := sweepStage(t.TempDir(), filepath.Join(t.TempDir(), "absent")); err != nil {
		t.Errorf("a folder that another run removed: %v", err)
	}
}

// TestAStageIsMadeOfANewFolder and of no other. A new folder that another run removed is no error: the run takes the next one.
func TestAStageIsMadeOfANewFolder(t *testing.T) {
	parent := t.TempDir()
	absent := filepath.Join(parent, "absent")
	if s, err := tryStage(absent); s != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v, %v", s, err)
	}
	if s, err := newStage(absent); s != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new one in a folder that is not there: %v, %v", s, err)
	}
	if s, err := lockStage(parent, absent); s != nil || err != nil {
		t.Errorf("a folder that another run removed: %v, %v", s, err)
	}
	for name, there := range map[string]string{"a lock": lockName, "files": filesName} {
		dir := filepath.Join(parent, name)
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, there), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		if s, err := lockStage(parent, dir); s != nil || !errors.Is(err, fs.ErrExist) {
			t.Errorf("a folder that has %s: %v, %v", name, s, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a folder that has %s stays: %v", name, err)
		}
	}
}

// TestAStageThatAnotherRunTookIsNotUsed checks a new stage that another run took for one of a killed run, before it was locked.
func TestAStageThatAnotherRunTookIsNotUsed(t *testing.T) {
	for name, c := range map[string]struct {
		others func(lock *os.File) error // what the other run did
		begins bool
	}{
		"nobody took it":           {func(*os.File) error { return nil }, true},
		"another run has the lock": {func(lock *os.File) error { _, err := TryLock(lock); return err }, false},
		"another run removed it":   {func(lock *os.File) error { return os.RemoveAll(filepath.Dir(lock.Name())) }, false},
	} {
		parent := t.TempDir()
		s := &stage{parent: parent, dir: filepath.Join(parent, stagePrefix+"x")}
		if err := os.Mkdir(s.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if s.lock, err = os.Create(filepath.Join(s.dir, lockName)); err != nil {
			t.Fatal(err)
		}
		other, err := os.Open(s.lock.Name())
		if err == nil {
			err = c.others(other)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.begin()
		if err != nil || (got == s) != c.begins || got != nil && !c.begins {
			t.Errorf("%s: it begins: %t, %v", name, got != nil, err)
		}
		if closed := s.lock.Close() != nil; closed == c.begins {
			t.Errorf("%s: the lock is closed: %t", name, closed)
		}
		if _, err := os.Stat(s.files()); (err == nil) != c.begins {
			t.Errorf("%s: its folder: %v", name, err)
		}
		other.Close()
	}
}

// TestAStageThatCannotBeRemovedIsNamed and its lock is released, so that the next run tries again. Its files stay as long as the list does.
func TestAStageThatCannotBeRemovedIsNamed(t *testing.T) {
	parent := t.TempDir()
	s, err := newStage(parent)
	if err != nil {
		t.Fatal(err)
	}
	inList := filepath.Join(s.dir, movingName, "x") // a folder with content stands where the list belongs
	if err := errors.Join(os.MkdirAll(inList, 0o700), os.WriteFile(filepath.Join(s.files(), "a"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	var left *LeftError
	if err := s.remove(); !errors.As(err, &left) || left.Path != s.dir {
		t.Errorf("it says %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.files(), "a")); err != nil {
		t.Errorf("its file: %v", err)
	}
	if err := s.lock.Close(); err == nil {
		t.Error("its lock is not released")
	}
	if err := Sweep(parent); !errors.As(err, &left) || left.Path != s.dir {
		t.Errorf("the next run says %v", err)
	}
	if err := errors.Join(os.RemoveAll(filepath.Dir(inList)), Sweep(parent)); err != nil {
		t.Error(err)
	}
	if there, err := os.ReadDir(parent); err != nil || len(there) != 0 {
		t.Errorf("left are %v, %v", there, err)
	}
}

// TestARunMakesAnotherStageIfItsStageIsRemoved and gives up after some.
func TestARunMakesAnotherStageIfItsStageIsRemoved(t *testing.T) {
	for removed, want := range map[int]string{0: "", 9: "", 10: "make a folder in p: other programs removed it 10 times"} {
		tries, s := 0, &stage{}
		got, err := firstStage("p", func(parent string) (*stage, error) {
			if tries++; tries <= removed || parent != "p" {
				return nil, nil
			}
			return s, nil
		})
		if (err == nil) != (want == "") || err != nil && err.Error() != want || (got == s) != (want == "") || tries != min(removed+1, 10) {
			t.Errorf("%d are removed: %v, %v after %d tries", removed, got, err, tries)
		}
	}
	tries := 0
	if s, err := firstStage("p", func(string) (*stage, error) { tries++; return nil, errFrail }); s != nil || err != errFrail || tries != 1 {
		t.Errorf("a stage that cannot be made: %v, %v after %d tries", s, err, tries)
	}
}

// TestWhatMovesIsListedFirst checks the list that the next run reads, and that the files move in its order.
func TestWhatMovesIsListedFirst(t *testing.T) {
	for taken, moved := range map[string][]string{"": {"b", "a", "c"}, "b": nil, "a": nil, "c": nil} {
		parent := t.TempDir()
		s, err := newStage(parent)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "c", "stays"} {
			if err := os.WriteFile(filepath.Join(s.files(), name), []byte("new"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if taken != "" {
			if err := os.WriteFile(filepath.Join(parent, taken), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.moveOut([]string{"b", "a", "c"}); (err == nil) != (taken == "") || err != nil && !errors.Is(err, fs.ErrExist) {
			t.Errorf("%q is taken: %v", taken, err)
		}
		list := filepath.Join(s.dir, movingName)
		text, err := os.ReadFile(list)
		if err != nil || string(text) != "b\na\nc\n" {
			t.Errorf("the list is %q, %v", text, err)
		}
		if info, err := os.Stat(list); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the list: %v, %v", info, err)
		}
		for _, name := range []string{"a", "b", "c", "stays"} {
			text, err := os.ReadFile(filepath.Join(parent, name))
			want := ""
			if slices.Contains(moved, name) {
				want = "new"
			} else if name == taken {
				want = "old"
			}
			if string(text) != want || (err != nil) != (want == "") {
				t.Errorf("%q is taken: %s has %q, %v", taken, name, text, err)
			}
		}
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	}
}

// TestAMissingFileIsNoErrorAnyOtherIs checks which errors of a look at the files of others count.
func TestAMissingFileIsNoErrorAnyOtherIs(t *testing.T) {
	for _, c := range []struct{ err, want error }{{nil, nil}, {&fs.PathError{Op: "lstat", Err: fs.ErrNotExist}, nil}, {errFrail, errFrail}, {fs.ErrPermission, fs.ErrPermission}} {
		if got := ignoreMissing(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}

// frail is a file in memory of which one kind of call fails.
type frail struct {
	text  []byte
	read  int
	fails string // kind of the call that fails
	made  []string
}

var errFrail = errors.New("the disk failed")

func (f *frail) call(kind string) error {
	f.made = append(f.made, kind)
	if kind == f.fails {
		return errFrail
	}
	return nil
}

func (f *frail) Read(b []byte) (int, error) {
	if err := f.call("read"); err != nil {
		return 0, err
	}
	if f.read == len(f.text) {
		return 0, io.EOF
	}
	n := copy(b, f.text[f.read:])
	f.read += n
	return n, nil
}

func (f *frail) WriteAt(b []byte, at int64) (int, error) {
	err := f.call("write")
	if err != nil {
		b = b[:len(b)/2]
	}
	f.text = append(f.text[:at], b...)
	return len(b), err
}

func (f *frail) Write(b []byte) (int, error) { return f.WriteAt(b, int64(len(f.text))) }

func (f *frail) Truncate(size int64) error {
	err := f.call("truncate")
	if err == nil {
		f.text = f.text[:size]
	}
	return err
}

func (f *frail) Sync() error  { return f.call("sync") }
func (f *frail) Close() error { return f.call("close") }

// TestAFailedAppendLeavesTheLinesBefore lets each call on the file of a list fail.
func TestAFailedAppendLeavesTheLinesBefore(t *testing.T) {
	for _, c := range []struct {
		has, fails, then string
		first            bool
	}{
		{"", "", "new\n", true},
		{"torn", "", "new\n", true},
		{"old\n", "", "old\nnew\n", false},
		{"old\ntorn", "", "old\nnew\n", false},
		{"old\n", "read", "old\n", false},
		{"", "write", "", false},
		{"old\n", "write", "old\n", false},
		{"old\ntorn", "write", "old\n", false},
		{"old\n", "sync", "old\n", false},
		{"old\ntorn", "truncate", "old\ntorn", false},
		{"old\n", "close", "old\nnew\n", false},
	} {
		f := &frail{text: []byte(c.has), fails: c.fails}
		first, err := appendTo(f, []byte("new\n"))
		if string(f.text) != c.then || first != c.first || (err != nil) != (c.fails != "") || err != nil && !errors.Is(err, errFrail) {
			t.Errorf("%q, where %q fails: %q, first %t, %v", c.has, c.fails, f.text, first, err)
		}
		if f.made[len(f.made)-1] != "close" {
			t.Errorf("%q, where %q fails: it stays open", c.has, c.fails)
		}
		if c.fails == "" && !strings.HasSuffix(strings.Join(f.made, " "), "write sync close") {
			t.Errorf("%q: the calls are %v", c.has, f.made)
		}
		if torn := strings.HasSuffix(c.has, "torn"); c.fails == "" && torn != slices.Contains(f.made, "truncate") {
			t.Errorf("%q: the calls are %v", c.has, f.made)
		}
	}
}

// TestAListThatCannotBeOpenedOrReadIsAnError checks that the error is that of the system.
func TestAListThatCannotBeOpenedOrReadIsAnError(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 300))
	if err := Append(long, 0o600, []byte("x\n")); err == nil || errors.Is(err, os.ErrInvalid) {
		t.Errorf("a name that is too long: %v", err)
	}
	const unreadable = "/proc/self/mem" // its first octets cannot be read
	if _, err := os.Stat(unreadable); err != nil {
		return
	}
	if err := Append(unreadable, 0o600, []byte("x\n")); err == nil {
		t.Error("a file that cannot be read: no error")
	}
}

// TestAFileIsDurableOrAnError lets each call on a new file fail.
func TestAFileIsDurableOrAnError(t *testing.T) {
	failed := errors.New("fill failed")
	for _, c := range []struct {
		name, fails string
		fill        func(io.Writer) error
		want        error
		made        string
	}{
		{"written", "", Content([]byte("text")), nil, "write sync close"},
		{"write fails", "write", Content([]byte("text")), errFrail, "write sync close"},
		{"write fails, ignored", "write", func(w io.Writer) error { _, _ = w.Write([]byte("text")); return nil }, errFrail, "write sync close"},
		{"sync fails", "sync", Content([]byte("text")), errFrail, "write sync close"},
		{"close fails", "close", Content([]byte("text")), errFrail, "write sync close"},
		{"fill fails", "", func(io.Writer) error { return failed }, failed, "sync close"},
	} {
		f := &frail{fails: c.fails}
		if err := fillDurably(f, c.fill); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if got := strings.Join(f.made, " "); got != c.made {
			t.Errorf("%s: the calls are %q, want %q", c.name, got, c.made)
		}
	}
}

// TestWhatCannotBeRemovedSaysSo checks the words and the cause of the error.
func TestWhatCannotBeRemovedSaysSo(t *testing.T) {
	err := error(&LeftError{Path: "p", Err: errFrail})
	if err.Error() != "p could not be removed: the disk failed" || !errors.Is(err, errFrail) {
		t.Errorf("it says %q, because of %v", err, errors.Unwrap(err))
	}
}
