package pager

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// checkSecrets reports the first file named by a *_file key of the YAML file at
// path that cannot be opened. The library reads most of them only when it
// pages, which is too late to learn of a typing mistake.
func checkSecrets(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("check pager configuration: %w", err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return fmt.Errorf("check pager configuration %s: %s", path, oneLine(err))
	}
	return checkNode(path, &root)
}

func checkNode(path string, n *yaml.Node) error {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			if err := checkEntry(path, n.Content[i-1], child); err != nil {
				return err
			}
		}
		if err := checkNode(path, child); err != nil {
			return err
		}
	}
	return nil
}

func checkEntry(path string, key, value *yaml.Node) error {
	if value.Kind != yaml.ScalarNode || value.Value == "" || !strings.HasSuffix(key.Value, "_file") {
		return nil
	}
	if err := canOpen(filepath.Dir(path), value.Value); err != nil {
		return fmt.Errorf("check pager configuration %s: line %d: %s: %w", path, key.Line, key.Value, err)
	}
	return nil
}

// canOpen opens name for reading. The library takes a relative name from the
// configuration's folder within http_config and from the working directory
// elsewhere: either will do here.
func canOpen(folder, name string) error {
	f, err := os.Open(name)
	if err != nil && !filepath.IsAbs(name) {
		f, err = os.Open(filepath.Join(folder, name))
	}
	if err != nil {
		return err
	}
	return f.Close()
}
