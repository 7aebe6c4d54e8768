package e2e

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// smallDisk is a file system that a test can fill.
type smallDisk struct{ dir string }

func newSmallDisk(t *testing.T, size string) smallDisk {
	t.Helper()
	dir := t.TempDir()
	mountSmall(t, dir, size)
	return smallDisk{dir}
}

// fill takes all free bytes; name tells several fillings apart.
func (d smallDisk) fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// free deletes files that fill has made.
func (d smallDisk) free(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// fullShop is a server on a small disk with one sale, and a reader.
type fullShop struct {
	p           *place
	s           *server
	a           *api
	sale, meter string
	digits      string
}

func newFullShop(t *testing.T, d smallDisk) *fullShop {
	t.Helper()
	f := &fullShop{p: newPlace(t, paywatt(t)), meter: number(7100)}
	f.p.dir = filepath.Join(d.dir, "data")
	f.p.expect(diskIsFull...)
	f.p.key(t)
	f.s = f.p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	f.a = newAPI(f.s.http, f.p.run(t, "", "apikey", "create", "--role", "owner", "--data", f.p.dir))
	f.a.tariff(t)
	f.a.meter(t, f.meter)
	sold := f.a.mustVend(t, f.meter, 5000, "before-000001")
	f.sale, f.digits = sold.text(t, "id"), sold.text(t, "tokens", 0, "digits")
	return f
}

// refused sells until the disk is full. The server must then refuse a sale with the code storage-full.
func (f *fullShop) refused(t *testing.T, key string) {
	t.Helper()
	for n := range 20_000 {
		got, err := f.a.vend(f.meter, 5000, key+"-"+number(n))
		if err != nil {
			t.Fatal(err)
		}
		if got.status == http.StatusServiceUnavailable {
			if !strings.Contains(string(got.body), "storage-full") {
				t.Fatalf("a sale on a full disk: %s", got.body)
			}
			return
		}
		if got.status != http.StatusCreated && got.status != http.StatusConflict {
			t.Fatalf("a sale: status %d\n%s", got.status, got.body)
		}
	}
	t.Fatal("the disk is never full")
}

// readable reads the sale in every way. The server shows the digits if the disk has room to record that they were shown. If the parameter
// eaten is true, the disk may have no such room, and the server may withhold the digits.
func (f *fullShop) readable(t *testing.T, when string, eaten bool) {
	t.Helper()
	for range 20 {
		for _, path := range []string{"/v1/vends/" + f.sale, "/v1/vends?client_ref=before-000001", "/v1/meters/" + f.meter + "/tokens"} {
			got, err := f.a.do("GET", path, nil)
			shown := err == nil && strings.Contains(string(got.body), f.digits)
			withheld := err == nil && eaten && strings.Contains(string(got.body), `"withheld":"storage-full"`)
			if err != nil || got.status != 200 || !shown && !withheld {
				t.Fatalf("%s: GET %s: status %d, want 200 with the digits (%v)\n%s", when, path, got.status, err, got.body)
			}
		}
	}
	got, err := f.a.vend(f.meter, 5000, "before-000001")
	if err != nil || got.status != 201 || !strings.Contains(string(got.body), f.digits) {
		t.Fatalf("%s: the sale is repeated: status %d, want the stored answer (%v)\n%s", when, got.status, err, got.body)
	}
	if ready, err := f.a.do("GET", "/readyz", nil); err != nil || ready.status != 503 || !strings.Contains(string(ready.body), "storage-full") {
		t.Fatalf("%s: /readyz: status %d %s (%v), want 503 storage-full", when, ready.status, ready.body, err)
	}
}

// TestAFullDiskIsReadable: while the disk is full, sales can be read, from a running server and from a server that was killed and restarted
// on the full disk. Another program may even take the space that the disk reserve freed.
func TestAFullDiskIsReadable(t *testing.T) {
	t.Parallel()
	for name, eaten := range map[string]bool{"the reserve is free": false, "the reserve is taken too": true} {
		t.Run(name, func(t *testing.T) {
			d := newSmallDisk(t, "104m")
			f := newFullShop(t, d)
			d.fill(t, "ballast")
			f.refused(t, "full")
			ballast := []string{"ballast"}
			if eaten {
				d.fill(t, "more")
				ballast = append(ballast, "more")
			}
			f.readable(t, "a running server", eaten)
			f.s.kill()
			s, err := f.p.start(f.s.http, f.s.mqtt)
			if err != nil {
				t.Fatalf("%v: a server that was killed on a full disk does not start", err)
			}
			f.s = s
			defer f.s.stop()
			f.readable(t, "a server that was started there", eaten)
			f.refused(t, "again")
			d.free(t, ballast...)
			await.True(t, "with room again a sale succeeds", func() bool {
				got, err := f.a.vend(f.meter, 5000, "room-again-1")
				return err == nil && got.status == 201
			})
			f.a.must(t, 200, "GET", "/readyz", nil)
			f.s.stop()
			f.p.run(t, "", "verify", "--data", f.p.dir)
		})
	}
}
