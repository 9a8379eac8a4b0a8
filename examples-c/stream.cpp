/*
 * A streamed answer in C++: a range-for over the events, the whole answer after the last one.
 *
 *     c++ -std=c++17 stream.cpp -o stream $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./stream [question]
 */
#include <iostream>
#include <kuai.hpp>
#include <string>

int main(int argc, char **argv)
{
    const std::string question = argc > 1 ? argv[1] : "请介绍一下你自己";
    const std::string request = R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":)" + kuai::json_quote(question) + "}]}";

    try {
        const kuai::client client;
        auto stream = client.chat_stream(request);
        for (auto &event : stream) {
            std::cout << event.text() << std::flush;
        }
        std::cout << '\n';

        const auto whole = stream.result(); // as if it had not been streamed
        std::cout << "characters and words, as the gateway counts them: " << kuai::estimate_tokens(whole.text()) << '\n';
    } catch (const kuai::error &problem) {
        std::cerr << problem.document() << '\n';
        return 1;
    }
}
