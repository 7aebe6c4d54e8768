package arch_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// secretForms are the forms of secrets that can be told from other text. The group is the random part. Each
// pattern begins with fixed letters, which are searched for quickly.
func secretForms() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"API key":                 regexp.MustCompile(`pk_([A-Za-z0-9_-]{43})\b`),
		"private key":             regexp.MustCompile(`-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]{32,})`),
		"identity of a backup":    regexp.MustCompile(`AGE-SECRET-KEY-1([A-Z0-9]{40,})`),
		"cloud key":               regexp.MustCompile(`AKIA([0-9A-Z]{16})\b`),
		"token of a code host":    regexp.MustCompile(`gh[pousr]_([A-Za-z0-9]{20,})`),
		"secret of a web hook":    regexp.MustCompile(`whsec_([A-Za-z0-9+/]{24,})`),
		"key of a payment":        regexp.MustCompile(`k_live_([A-Za-z0-9]{16,})`),
		"token of a chat service": regexp.MustCompile(`xox[abprs]-([A-Za-z0-9-]{20,})`),
	}
}

// secretFiles are files whose name says that they hold a secret. The only ones in the repository were made for a test.
func secretFiles() []string {
	return []string{"internal/keystore/testdata/folder/data.key", "internal/keystore/testdata/folder/keystore"}
}

// secretIn returns the form of a secret that a text contains. A random part of few different characters is an example.
func secretIn(text []byte, forms map[string]*regexp.Regexp) string {
	for form, pattern := range forms {
		for _, m := range pattern.FindAllSubmatch(text, -1) {
			different := slices.Clone(m[1])
			slices.Sort(different)
			if len(slices.Compact(different)) >= 10 {
				return form
			}
		}
	}
	return ""
}

// TestTheRepositoryHoldsNoSecret reads every file.
func TestTheRepositoryHoldsNoSecret(t *testing.T) {
	n, forms := 0, secretForms()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		n++
		name, err := filepath.Rel("../..", path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if slices.Contains([]string{"data.key", "seal.key", "keystore"}, d.Name()) && !slices.Contains(secretFiles(), name) {
			t.Errorf("%s is a file of a data folder", name)
		}
		text, err := os.ReadFile(path)
		if form := secretIn(text, forms); form != "" {
			t.Errorf("%s contains the %s of somebody", name, form)
		}
		return err
	})
	if err != nil || n < 1000 {
		t.Errorf("read %d files, %v", n, err)
	}
}

// TestSecretsOfEveryFormAreFound: the forms match real secrets, and no examples.
func TestSecretsOfEveryFormAreFound(t *testing.T) {
	const random = "q7Zp2LxVb9KdR4mTnW8sYc3HfJ6gA1eUo5iQ0vXyBzC"
	forms := secretForms()
	const capitals = "Q7ZP2LXVB9KDR4MTNW8SYC3HFJ6GA1EU05IQ0VXYBZC"
	for form, text := range map[string]string{
		"API key": "pk" + "_" + random, "private key": "-----BEGIN EC PRIVATE" + " KEY-----\n" + random, "identity of a backup": "AGE-SECRET-" + "KEY-1" + capitals,
		"cloud key": "AK" + "IA" + capitals[:16], "token of a code host": "gh" + "p_" + random[:36], "secret of a web hook": "whsec" + "_" + random[:32],
		"key of a payment": "sk" + "_live_" + random[:24], "token of a chat service": "xox" + "b-" + random[:24],
	} {
		if got := secretIn([]byte("x = \""+text+"\"\n"), forms); got != form {
			t.Errorf("%s: found %q", form, got)
		}
	}
	for _, text := range []string{"pk_" + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Bearer pk_...", "it begins with AGE-SECRET-KEY-1"} {
		if got := secretIn([]byte(text), forms); got != "" {
			t.Errorf("the example %q is found as %s", text, got)
		}
	}
}
