package config_test

import (
	"slices"
	"testing"

	"thermarack/collector/internal/config"
)

func TestSiteIsOneOrSeveral(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []string
	}{
		{"no word of it", "", []string{"thermarack/v1/+/+/+"}},
		{"all", `site: ""`, []string{"thermarack/v1/+/+/+"}},
		{"one", "site: hex", []string{"thermarack/v1/hex/+/+"}},
		{"several, one twice", "site: [lab, hex, lab]", []string{"thermarack/v1/hex/+/+", "thermarack/v1/lab/+/+"}},
		{"an empty list", "site: []", []string{"thermarack/v1/+/+/+"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Parse("c.yaml", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Sites.Filters(); !slices.Equal(got, tt.want) {
				t.Errorf("filters %q, want %q", got, tt.want)
			}
		})
	}
}

func TestASiteThatIsNoNameIsNamedByLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"stale: 1m\nsite: {hex: lab}": "c.yaml:2: site: want a name, or a list of names",
		"site: [hex, [lab]]":          "c.yaml:1: site: want a text, not a list",
	} {
		if _, err := config.Parse("c.yaml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
