// Go's net/http with a handler for each path.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type order struct {
	Name    string `json:"name"`
	Numbers []int  `json:"numbers"`
	Active  bool   `json:"active"`
}

type summary struct {
	Name   string `json:"name"`
	Sum    int    `json:"sum"`
	Active bool   `json:"active"`
}

func main() {
	file := os.Args[1]
	http.HandleFunc("/", hello)
	http.HandleFunc("/64k", bytes(64<<10))
	http.HandleFunc("/10m", bytes(10<<20))
	http.HandleFunc("/file", func(response http.ResponseWriter, request *http.Request) {
		response.Header().Set("Content-Type", "application/octet-stream")
		http.ServeFile(response, request, file)
	})
	http.HandleFunc("/upload", upload)
	http.HandleFunc("/json", sum)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("Listening on %s\n", listener.Addr())
	panic(http.Serve(listener, nil))
}

func hello(response http.ResponseWriter, request *http.Request) {
	if request.URL.Path != "/" {
		http.NotFound(response, request)
		return
	}
	response.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(response, "Hello world!")
}

func bytes(count int) http.HandlerFunc {
	body := []byte(strings.Repeat("x", count))
	return func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Content-Type", "application/octet-stream")
		response.Header().Set("Content-Length", strconv.Itoa(count))
		response.Write(body)
	}
}

func upload(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprint(response, len(body))
}

func sum(response http.ResponseWriter, request *http.Request) {
	var order order
	if err := json.NewDecoder(request.Body).Decode(&order); err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	sum := 0
	for _, number := range order.Numbers {
		sum += number
	}
	response.Header().Set("Content-Type", "application/json")
	json.NewEncoder(response).Encode(summary{order.Name, sum, !order.Active})
}
