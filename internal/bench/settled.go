package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// size says how large a town is, and on which engine. A town that stays has it in a file beside its folders.
type size struct {
	Engine                  string
	Meters, Sales, Readings int
}

const sizeFile = "town.json"

// settled runs work with the town, which it builds unless an earlier run has left it. On PostgreSQL the town has a cluster of its own,
// which runs meanwhile.
func (b *Pages) settled(ctx context.Context, say Say, work func(*town) error) error {
	dir, built, err := b.place()
	if err != nil {
		return err
	}
	if b.Keep == "" {
		defer func() { _ = os.RemoveAll(dir) }() // an error here does not matter
	}
	t := &town{meters: make([]registry.Meter, b.Meters), people: make([]resident, b.Meters)}
	t.dir, t.seller = filepath.Join(dir, "data"), access.SystemActor(store.FirstTenant, "bench")
	for i := range t.meters {
		t.people[i] = residentOf(i)
		if t.meters[i].Number, err = numberOf(i); err != nil {
			return err
		}
	}
	use := func() error {
		if !built {
			if err := b.build(ctx, say, t); err != nil {
				return err
			}
			text, err := json.Marshal(b.size())
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, sizeFile), text, 0o600)
			}
			if err != nil {
				return fmt.Errorf("note the size of the town: %w", err)
			}
		}
		return work(t)
	}
	if b.Engine == engineSQLite {
		return use()
	}
	return b.onCluster(ctx, filepath.Join(dir, "cluster"), built, t, use)
}

// verify checks the town's books, as paywatt verify does.
func (t *town) verify(ctx context.Context) error {
	r, err := app.Verify(ctx, t.dir, t.url, headlog.ExternalHeads{})
	if err == nil && !r.Sound() {
		err = fmt.Errorf("the books are not sound: %v", r.Findings)
	}
	return err
}

func (b *Pages) size() size { return size{b.Engine, b.Meters, b.Sales, b.Readings} }

// place returns the folder of the town, and whether the town has been built in it. It refuses a folder with another town.
func (b *Pages) place() (dir string, built bool, err error) {
	if b.Keep == "" {
		dir, err = os.MkdirTemp(b.Dir, "paywatt-bench-")
	} else {
		dir, err = b.Keep, os.MkdirAll(b.Keep, 0o700)
	}
	if err == nil {
		err = os.Chmod(dir, 0o711) // the cluster's user passes through it
	}
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "data"), 0o700)
	}
	if err != nil {
		return "", false, fmt.Errorf("make the bench's folder: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, sizeFile))
	if errors.Is(err, os.ErrNotExist) {
		return dir, false, nil
	}
	var there size
	if err = errors.Join(err, json.Unmarshal(text, &there)); err == nil && there != b.size() {
		err = &exit.Failure{Code: exit.Usage, What: fmt.Sprintf("The folder has another town: %+v.", there), Not: "Nothing was measured.", Try: "Name another folder, or measure that town."}
	}
	return dir, true, err
}

// onCluster runs use with the town on a PostgreSQL cluster in dir, which it makes if the town is new.
func (b *Pages) onCluster(ctx context.Context, dir string, built bool, t *town, use func() error) error {
	pg, err := findPgbench("")
	if err != nil {
		return err
	}
	if !built {
		err = os.Mkdir(dir, 0o700)
		if err == nil {
			err = pg.create(ctx, dir)
		}
		if err != nil {
			return fmt.Errorf("make the cluster: %w", err)
		}
	}
	t.cluster, t.url = dir, "postgres:///paywatt?user=bench&host="+url.QueryEscape(dir)
	return pg.serving(ctx, dir, func() error {
		if !built {
			if _, err := pg.run(ctx, pgStart, dir, "createdb", "-h", dir, "-U", "bench", "paywatt"); err != nil {
				return err
			}
		}
		return use()
	})
}
