/*
 * The smallest C++ program: kuai.hpp frees what it makes and throws what goes wrong.
 *
 *     c++ -std=c++17 hello.cpp -o hello $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./hello
 */
#include <iostream>
#include <kuai.hpp>

int main()
{
    try {
        const kuai::client client; // key and address from the environment
        const auto answer = client.call("chat.completions.create", R"({
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "1+100="}]
        })");
        std::cout << answer.text() << '\n';
        std::cout << "tokens: " << answer.get("/usage/total_tokens").value_or("unknown") << '\n';
    } catch (const kuai::error &problem) {
        std::cerr << kuai::status_name(problem.status()) << ": " << problem.message() << '\n';
        if (problem.status() == KUAI_RATE_LIMITED) {
            std::cerr << "try again in " << problem.field("retry_after_ms").value_or("some") << " ms\n";
        }
        return 1;
    }
}
