// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

// Contracts for local chains. Only their runtime code is used, laid down at addresses of the tests'
// choice, so nothing has a constructor and everybody may do everything.

/// What a reader can see of USDT: transfers with their event, decimals as the network has them, a fee
/// that may be switched on, and transfers of nothing by anybody in anybody's name.
contract Token {
    uint8 public decimals;
    uint16 public feeBasisPoints;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function setDecimals(uint8 places) external {
        decimals = places;
    }

    function setFee(uint16 basisPoints) external {
        feeBasisPoints = basisPoints;
    }

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        move(from, to, value);
        return true;
    }

    function move(address from, address to, uint256 value) private {
        uint256 fee = (value * feeBasisPoints) / 10_000;
        balanceOf[from] -= value;
        balanceOf[to] += value - fee;
        emit Transfer(from, to, value - fee);
        if (fee > 0) {
            balanceOf[address(this)] += fee;
            emit Transfer(from, address(this), fee);
        }
    }
}

/// Pays many in one transaction, as exchanges do.
contract Paymaster {
    function pay(Token token, address[] calldata to, uint256[] calldata values) external {
        for (uint256 i = 0; i < to.length; i++) {
            token.transfer(to[i], values[i]);
        }
    }

    /// Transfers of 1, 2, 3, ... units to one address.
    function drip(Token token, address to, uint256 count) external {
        for (uint256 i = 1; i <= count; i++) {
            token.transfer(to, i);
        }
    }

    function payAndFail(Token token, address to, uint256 value) external {
        token.transfer(to, value);
        revert("changed my mind");
    }
}

/// Emits the event of a transfer that never was.
contract Forger {
    event Transfer(address indexed from, address indexed to, uint256 value);

    function forge(address from, address to, uint256 value) external {
        emit Transfer(from, to, value);
    }
}
