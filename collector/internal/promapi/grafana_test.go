package promapi_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"thermarack/collector/internal/promapi"
)

// shipped is where the files for Grafana are.
var shipped = filepath.Join("..", "..", "..", "deploy", "grafana")

// A dashboard is what Grafana reads, as far as it asks something.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
}

func TestTheDashboardAsksWhatIsAnswered(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(shipped, "dashboards", "shelf.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	a := api(placed(t), promapi.Limits{})
	described := describedMetrics(t, a)
	variables := strings.NewReplacer("$site", "hex", "$rack", "a1", "$shelf", "s3", "$__rate_interval", "1m")
	shown := map[string]bool{}
	for _, panel := range d.Panels {
		if len(panel.Targets) == 0 {
			t.Errorf("%s asks nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			for _, metric := range regexp.MustCompile(`thermarack_\w+`).FindAllString(target.Expr, -1) {
				if !described[metric] {
					t.Errorf("%s: there is no %s", panel.Title, metric)
				}
			}
			asked := answer(a, request{path: "query?" + query("query", variables.Replace(target.Expr))})
			if asked.Code != 200 || strings.Contains(target.Expr, "$") && variables.Replace(target.Expr) == target.Expr {
				t.Errorf("%s: %s\n%d %s", panel.Title, target.Expr, asked.Code, asked.Body)
			}
			shown[panel.Title] = shown[panel.Title] || strings.Contains(asked.Body.String(), `"value":`)
		}
	}
	for _, title := range []string{"Air", "Processors", "Hottest processor", "Silent sensors", "Rejected samples by reason"} {
		if !shown[title] {
			t.Errorf("%s shows nothing of the readings", title)
		}
	}
	checkVariables(t, a, d, variables)
}

// checkVariables asks for the values of each variable, as label_values does.
func checkVariables(t *testing.T, a *promapi.API, d dashboard, variables *strings.Replacer) {
	t.Helper()
	call := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	checked := 0
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		expression, _ := v.Query.(map[string]any)["query"].(string)
		parts := call.FindStringSubmatch(expression)
		if parts == nil {
			t.Errorf("variable %s: %q is no label_values", v.Name, expression)
			continue
		}
		checked++
		asked := answer(a, request{path: "label/" + parts[2] + "/values?" + query("match[]", variables.Replace(parts[1]))})
		if want := `"data":["` + variables.Replace("$"+v.Name) + `"]`; !strings.Contains(asked.Body.String(), want) {
			t.Errorf("variable %s: %s, want %s", v.Name, asked.Body, want)
		}
	}
	if checked != 3 {
		t.Errorf("%d variables, want site, rack and shelf", checked)
	}
}

func describedMetrics(t *testing.T, a *promapi.API) map[string]bool {
	t.Helper()
	var got struct{ Data map[string]any }
	if err := json.Unmarshal(answer(a, request{path: "metadata"}).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for name := range got.Data {
		names[name] = true
	}
	return names
}

func TestTheDocumentationNamesEveryMetricAndItsQueriesAreAnswered(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "promql.md"))
	if err != nil {
		t.Fatal(err)
	}
	a := api(placed(t), promapi.Limits{})
	for name := range describedMetrics(t, a) {
		if !strings.Contains(string(text), "`"+name) {
			t.Errorf("%s is not in docs/promql.md", name)
		}
	}
	queries := regexp.MustCompile("(?m)^\\| [^|]+ \\| `(.*thermarack_place_info.+)` \\|$").FindAllStringSubmatch(string(text), -1)
	for _, q := range queries {
		if asked := answer(a, request{path: "query?" + query("query", q[1])}); asked.Code != 200 {
			t.Errorf("%s: %d %s", q[1], asked.Code, asked.Body)
		}
	}
	if len(queries) != 5 {
		t.Errorf("%d queries found", len(queries))
	}
}

func TestTheDataSourceIsOurs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(shipped, "provisioning", "datasources", "thermarack.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Datasources []struct {
			Type, URL string
			JSONData  struct {
				PrometheusVersion string `yaml:"prometheusVersion"`
			} `yaml:"jsonData"`
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil || len(file.Datasources) != 1 {
		t.Fatal(err, file)
	}
	source := file.Datasources[0]
	info := answer(api(placed(t), promapi.Limits{}), request{path: "status/buildinfo"}).Body.String()
	if source.Type != "prometheus" || !strings.HasSuffix(source.URL, "/prometheus") || !strings.Contains(info, `"version":"`+source.JSONData.PrometheusVersion+`"`) {
		t.Errorf("%+v, and we are %s", source, info)
	}
}
