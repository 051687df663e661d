package web

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"path"
)

//go:embed assets openapi.yaml
var embedded embed.FS

// An asset is one file of the page.
type asset struct {
	rendering
	contentType string
}

// loadAssets reads the embedded files by name. The error names a file of a kind
// that has no content type here.
func loadAssets() (map[string]asset, error) {
	entries, err := embedded.ReadDir("assets")
	if err != nil {
		return nil, fmt.Errorf("read embedded page: %w", err)
	}
	files := make(map[string]asset, len(entries)+1)
	names := []string{"openapi.yaml"}
	for _, entry := range entries {
		names = append(names, "assets/"+entry.Name())
	}
	for _, name := range names {
		body, err := embedded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read embedded page: %w", err)
		}
		kind, ok := contentType(path.Ext(name))
		if !ok {
			return nil, fmt.Errorf("read embedded page: %s has no content type, give it one", name)
		}
		etag := fmt.Sprintf("\"%.16x\"", sha256.Sum256(body))
		files[path.Base(name)] = asset{rendering{body, etag}, kind}
	}
	return files, nil
}

func contentType(extension string) (kind string, ok bool) {
	switch extension {
	case ".html":
		return "text/html; charset=utf-8", true
	case ".css":
		return "text/css; charset=utf-8", true
	case ".js":
		return "text/javascript; charset=utf-8", true
	case ".svg":
		return "image/svg+xml", true
	case ".yaml":
		return "application/yaml; charset=utf-8", true
	}
	return "", false
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Security-Policy", pagePolicy)
	return s.sendAsset(w, r, "index.html")
}

func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	if name := r.PathValue("file"); name != "index.html" && name != "openapi.yaml" {
		return s.sendAsset(w, r, name)
	}
	return problem{http.StatusNotFound, "no such file"}
}

func (s *Server) openAPI(w http.ResponseWriter, r *http.Request) error {
	return s.sendAsset(w, r, "openapi.yaml")
}

func (s *Server) sendAsset(w http.ResponseWriter, r *http.Request, name string) error {
	file, ok := s.assets[name]
	if !ok {
		return problem{http.StatusNotFound, "no such file"}
	}
	return file.send(w, r, file.contentType)
}
