# embed_functions(out sources...): writes a C source that holds the Lua of Redis, the files one after the other, as
# redis_functions, its version put in: the first digits of their SHA-256.
function(embed_functions out)
    set(lua "")
    foreach(source ${ARGN})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${source})
        file(READ ${source} text)
        string(APPEND lua "${text}\n")
    endforeach()
    string(SHA256 digest "${lua}")
    string(SUBSTRING ${digest} 0 8 version)
    string(REPLACE "@VERSION@" "${version}" lua "${lua}")
    string(REPLACE "\\" "\\\\" lua "${lua}")
    string(REPLACE "\"" "\\\"" lua "${lua}")
    string(REPLACE "\n" "\\n\"\n    \"" lua "${lua}")
    file(CONFIGURE OUTPUT ${out} @ONLY CONTENT
"/* Made from ${ARGN} by store/functions.cmake. */
#include \"store/redis_functions.h\"

const char redis_functions_version[] = \"${version}\";
const char redis_functions[] =
    \"@lua@\";
")
endfunction()
