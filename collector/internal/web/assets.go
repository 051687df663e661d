package web

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// The page as it is served: what only tsc reads stays out.
//
//go:embed assets/*.html assets/*.css assets/*.js assets/*.svg
//go:embed assets/uplot/*.css assets/uplot/*.js assets/uplot/LICENSE
//go:embed openapi.yaml
var embedded embed.FS

// An asset is one file of the page.
type asset struct {
	rendering
	contentType string
}

// loadAssets reads the embedded files by their path below assets; openapi.yaml
// is beside them. The error names a file of a kind that has no content type here.
func loadAssets() (map[string]asset, error) {
	files := map[string]asset{}
	err := fs.WalkDir(embedded, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		kind, ok := contentType(path.Ext(name))
		if !ok {
			return fmt.Errorf("%s has no content type, give it one", name)
		}
		etag := fmt.Sprintf("\"%.16x\"", sha256.Sum256(body))
		files[strings.TrimPrefix(name, "assets/")] = asset{rendering{body: body, etag: etag}.zipped(), kind}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read embedded page: %w", err)
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
	case "": // a licence
		return "text/plain; charset=utf-8", true
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
